//! `opencom doctor`: looks at everything that the server needs, and says what to mend. It changes nothing but a file that it
//! writes and removes, and writes to nobody.

mod database;
mod providers;
mod settings;

use serde::Serialize;

use crate::config::Doctor;
use crate::program::print;
use crate::setup::{Database, Fault, with_causes};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Good,
    /// The server runs, but not as one would wish.
    Warning,
    /// The server does not run, or loses something.
    Wrong,
    /// Could not be looked at, because of something else.
    Skipped,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at.
    about: &'static str,
    state: State,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn good(about: &'static str, found: impl Into<String>) -> Self {
        Self {
            about,
            state: State::Good,
            found: found.into(),
            remedy: None,
        }
    }

    fn warning(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            remedy: Some(remedy.into()),
            ..Self::good(about, found)
        }
    }

    fn wrong(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Wrong,
            ..Self::warning(about, found, remedy)
        }
    }

    fn skipped(about: &'static str, found: impl Into<String>) -> Self {
        Self {
            state: State::Skipped,
            ..Self::good(about, found)
        }
    }

    /// Good with what was found, or wrong for this reason.
    fn of(about: &'static str, outcome: Result<String, Fault>, remedy: &str) -> Self {
        match outcome {
            Ok(found) => Self::good(about, found),
            Err(error) => Self::wrong(about, with_causes(&*error), remedy),
        }
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Good => "good",
            State::Warning => "warning",
            State::Wrong => "WRONG",
            State::Skipped => "skipped",
        };
        let mut line = format!("{state:<8} {:<16} {}\n", self.about, self.found);
        if let Some(remedy) = &self.remedy {
            line.push_str(&format!("{:<25} → {remedy}\n", ""));
        }
        line
    }
}

/// Looks at everything, and fails when something is wrong.
pub(crate) async fn run(command: Doctor) -> Result<(), Fault> {
    let Doctor { json, config } = command;
    let mut findings = Vec::new();
    let mut tell = |found: Vec<Finding>| {
        if !json {
            print(&found.iter().map(Finding::line).collect::<String>())?;
        }
        findings.extend(found);
        Ok::<_, Fault>(())
    };
    tell(settings::look(&config).await)?;
    if settings::has_database(&config) {
        match Database::reach(&config).await {
            Ok(reached) => {
                tell(database::look(&config, &reached.url).await)?;
                reached.close().await?;
            }
            Err(error) => tell(vec![Finding::wrong(
                "database",
                with_causes(&*error),
                "the embedded PostgreSQL does not start",
            )])?,
        }
    } else {
        let place = config.data_dir.display();
        tell(vec![Finding::skipped(
            "database",
            format!("there is none yet; the server makes one in {place} when it first starts"),
        )])?;
    }
    tell(providers::look(&config).await)?;
    if json {
        print(&format!("{}\n", serde_json::to_string_pretty(&findings)?))?;
    }
    match findings.iter().filter(|finding| finding.state == State::Wrong).count() {
        0 => Ok(()),
        1 => Err("one thing is wrong".into()),
        several => Err(format!("{several} things are wrong").into()),
    }
}
