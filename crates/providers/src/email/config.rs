//! Which adapter a configuration stands for.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{EmailProvider, Recorder, Resend, Smtp};

/// How mail leaves this server. Its `Debug` text names the adapter and no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum EmailConfig {
    /// Through a mail server, see [`Smtp::from_url`].
    Smtp {
        /// `smtp://user:password@host:port?tls=…` or `smtps://…`.
        url: String,
    },
    /// Through Resend.
    Resend {
        /// The API key.
        key: String,
        /// Where the API is, if not at Resend itself.
        base_url: Option<String>,
    },
    /// Not at all: mails are kept for looking at.
    Recorder {
        /// Where to write each mail as an `.eml` file as well.
        dir: Option<PathBuf>,
    },
}

impl EmailConfig {
    /// The adapter that these settings ask for: Resend by its key, a mail server by its URL, else the recorder.
    ///
    /// Settings that are empty count as absent. Naming two providers is an error, because guessing would send mail
    /// through the one that was not meant.
    pub fn from_settings(
        smtp_url: Option<String>,
        resend_key: Option<String>,
        recorder_dir: Option<PathBuf>,
    ) -> Result<Self, EmailConfigError> {
        let set = |value: Option<String>| value.filter(|value| !value.trim().is_empty());
        match (set(smtp_url), set(resend_key)) {
            (Some(_), Some(_)) => Err(EmailConfigError::Ambiguous),
            (Some(url), None) => Ok(Self::Smtp { url }),
            (None, Some(key)) => Ok(Self::Resend { key, base_url: None }),
            (None, None) => Ok(Self::Recorder { dir: recorder_dir }),
        }
    }
}

impl fmt::Debug for EmailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp { .. } => f.debug_struct("Smtp").finish_non_exhaustive(),
            Self::Resend { .. } => f.debug_struct("Resend").finish_non_exhaustive(),
            Self::Recorder { dir } => f.debug_struct("Recorder").field("dir", dir).finish(),
        }
    }
}

/// What is wrong with the mail settings; the text never repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum EmailConfigError {
    /// Two providers at once.
    #[error("Both an SMTP URL and a Resend key are set; keep the one that mail should go through.")]
    Ambiguous,
    /// The SMTP URL does not say where and how to connect.
    #[error("The SMTP URL is not usable: {0}.")]
    SmtpUrl(String),
    /// The key or the base URL cannot be used.
    #[error("The Resend settings are not usable: {0}.")]
    Resend(String),
    /// The directory for recorded mail cannot be used.
    #[error("The directory for recorded mail cannot be used: {0}.")]
    RecorderDir(#[source] std::io::Error),
}

/// Makes the adapter; nothing is connected to before the first mail.
pub fn build(config: EmailConfig) -> Result<Arc<dyn EmailProvider>, EmailConfigError> {
    Ok(match config {
        EmailConfig::Smtp { url } => Arc::new(Smtp::from_url(&url)?),
        EmailConfig::Resend { key, base_url } => Arc::new(Resend::new(&key, base_url.as_deref())?),
        EmailConfig::Recorder { dir: None } => Arc::new(Recorder::new()),
        EmailConfig::Recorder { dir: Some(dir) } => Arc::new(Recorder::with_dir(dir)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_choose_one_adapter() {
        let some = |text: &str| Some(text.to_owned());
        for (smtp, resend, expected) in [
            (None, None, "recorder"),
            (some(""), some(" "), "recorder"),
            (some("smtp://localhost"), None, "smtp"),
            (None, some("re_key"), "resend"),
        ] {
            let config = EmailConfig::from_settings(smtp, resend, None).unwrap();
            assert_eq!(build(config).unwrap().name(), expected);
        }
        assert!(EmailConfig::from_settings(some("smtp://localhost"), some("re_key"), None).is_err());
    }

    #[test]
    fn debug_hides_secrets() {
        let configs = [
            EmailConfig::Smtp {
                url: "smtp://ada:hunter2@localhost".into(),
            },
            EmailConfig::Resend {
                key: "hunter2".into(),
                base_url: None,
            },
        ];
        assert!(!format!("{configs:?}").contains("hunter2"));
    }
}
