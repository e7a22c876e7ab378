//! `opencom doctor`: looks at everything that the server needs, and says what to mend. It changes nothing but a file that it
//! writes and removes, and writes to nobody.

mod database;
mod providers;
mod settings;

use opencom_runtime::health::{Finding, Severity};

use crate::config::Doctor;
use crate::program::print;
use crate::setup::{Database, Fault, with_causes};

/// One finding as a line of text, and its remedy on the next.
fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Good => "good",
        Severity::Warning => "warning",
        Severity::Wrong => "WRONG",
        Severity::Skipped => "skipped",
    };
    let mut line = format!("{severity:<8} {:<16} {}\n", finding.about, finding.found);
    if let Some(remedy) = &finding.remedy {
        line.push_str(&format!("{:<25} → {remedy}\n", ""));
    }
    line
}

/// Looks at everything, and fails when something is wrong.
pub(crate) async fn run(command: Doctor) -> Result<(), Fault> {
    let Doctor { json, config } = command;
    let mut findings = Vec::new();
    let mut tell = |found: Vec<Finding>| {
        if !json {
            print(&found.iter().map(line).collect::<String>())?;
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
    match findings
        .iter()
        .filter(|finding| finding.severity == Severity::Wrong)
        .count()
    {
        0 => Ok(()),
        1 => Err("one thing is wrong".into()),
        several => Err(format!("{several} things are wrong").into()),
    }
}
