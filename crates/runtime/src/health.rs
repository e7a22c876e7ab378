//! Findings of a check, for `opencom doctor`.

use serde::Serialize;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to do.
    Good,
    /// The server runs, with a limitation.
    Warning,
    /// The server does not run, or loses data.
    Wrong,
    /// Could not be checked because of another finding.
    Skipped,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub about: &'static str,
    /// How serious it is.
    #[serde(rename = "state")]
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// What to do about it; `None` if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding that needs no action.
    pub fn good(about: &'static str, found: impl Into<String>) -> Self {
        Self {
            about,
            severity: Severity::Good,
            found: found.into(),
            remedy: None,
        }
    }

    /// A limitation and its remedy.
    pub fn warning(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            remedy: Some(remedy.into()),
            ..Self::good(about, found)
        }
    }

    /// A fault and its remedy.
    pub fn wrong(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Wrong,
            ..Self::warning(about, found, remedy)
        }
    }

    /// A check that could not be made.
    pub fn skipped(about: &'static str, found: impl Into<String>) -> Self {
        Self {
            severity: Severity::Skipped,
            ..Self::good(about, found)
        }
    }

    /// Good with the text, or wrong with the error.
    pub fn of(about: &'static str, outcome: Result<String, impl std::fmt::Display>, remedy: &str) -> Self {
        match outcome {
            Ok(found) => Self::good(about, found),
            Err(error) => Self::wrong(about, error.to_string(), remedy),
        }
    }
}
