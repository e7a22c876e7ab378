//! The SMTP URL: where the mail server is, how the connection is protected, who we are there.

use std::fmt;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::email::EmailConfigError;

/// How a connection to the mail server is protected.
pub(super) enum Protection {
    /// Not at all.
    None,
    /// By STARTTLS where the server offers it; somebody in between can take the offer away.
    Opportunistic(TlsParameters),
    /// By STARTTLS, or not used.
    Required(TlsParameters),
    /// By TLS from the first byte.
    Wrapper(TlsParameters),
}

impl Protection {
    fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Opportunistic(_) => "opportunistic",
            Self::Required(_) => "starttls",
            Self::Wrapper(_) => "wrapper",
        }
    }
}

/// Everything needed to open a connection.
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    pub(super) credentials: Option<Credentials>,
    pub(super) hello: ClientId,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.protection.name())
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn parse(text: &str) -> Result<Self, EmailConfigError> {
        let url = Url::parse(text.trim()).map_err(|error| invalid(error.to_string()))?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| invalid("it has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !matches!(url.path(), "" | "/") {
            return Err(invalid("it has a path"));
        }

        let mut tls = None;
        let mut hello = ClientId::default();
        let mut authority = None;
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "tls" => tls = Some(value.into_owned()),
                "helo" if is_host_name(&value) => hello = ClientId::Domain(value.into_owned()),
                "helo" => return Err(invalid("`helo` is not a host name")),
                "ca" => authority = Some(read_authority(&value)?),
                other => return Err(invalid(format!("it has the unknown parameter `{other}`"))),
            }
        }

        let credentials = credentials(&url)?;
        let tls = match (url.scheme(), tls.as_deref(), &credentials) {
            ("smtps", None | Some("wrapper"), _) => "wrapper",
            ("smtps", Some(_), _) => return Err(invalid("`smtps` leaves no choice of `tls`")),
            ("smtp", None, Some(_)) => "starttls",
            ("smtp", None, None) => "opportunistic",
            ("smtp", Some("opportunistic"), Some(_)) => {
                return Err(invalid(
                    "`tls=opportunistic` may send the password in the clear; say `starttls`, or `none` if that is meant",
                ));
            }
            ("smtp", Some(tls), _) => tls,
            _ => return Err(invalid("it starts with neither `smtp://` nor `smtps://`")),
        };
        let parameters = || tls_parameters(&host, authority);
        let (protection, port) = match tls {
            "none" => (Protection::None, 25),
            "opportunistic" => (Protection::Opportunistic(parameters()?), 25),
            "starttls" => (Protection::Required(parameters()?), 587),
            "wrapper" => (Protection::Wrapper(parameters()?), 465),
            _ => {
                return Err(invalid(
                    "`tls` is none of `none`, `opportunistic`, `starttls`, `wrapper`",
                ));
            }
        };
        let port = url.port().unwrap_or(port);
        Ok(Self {
            host,
            port,
            protection,
            credentials,
            hello,
        })
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, EmailConfigError> {
    let decode = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| invalid("the user or password is not UTF-8"))
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
        (_, None) => Err(invalid("it has a user but no password")),
    }
}

fn tls_parameters(host: &str, authority: Option<Certificate>) -> Result<TlsParameters, EmailConfigError> {
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(authority) = authority {
        builder = builder.add_root_certificate(authority);
    }
    builder
        .build_rustls()
        .map_err(|error| invalid(format!("its TLS settings fail: {error}")))
}

fn read_authority(path: &str) -> Result<Certificate, EmailConfigError> {
    let pem = std::fs::read(path).map_err(|error| invalid(format!("the file of `ca` cannot be read: {error}")))?;
    Certificate::from_pem(&pem).map_err(|error| invalid(format!("the file of `ca` is no certificate: {error}")))
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn invalid(reason: impl Into<String>) -> EmailConfigError {
    EmailConfigError::SmtpUrl(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_decides_port_and_protection() {
        for (url, host, port, tls) in [
            ("smtp://mail.example.com", "mail.example.com", 25, "opportunistic"),
            ("smtp://u:p@mail.example.com", "mail.example.com", 587, "starttls"),
            (
                "smtp://u:p@mail.example.com:2525?tls=none",
                "mail.example.com",
                2525,
                "none",
            ),
            (
                "smtp://u:p@mail.example.com?tls=wrapper",
                "mail.example.com",
                465,
                "wrapper",
            ),
            (
                "smtp://mail.example.com?tls=starttls&helo=opencom.example.com",
                "mail.example.com",
                587,
                "starttls",
            ),
            ("smtps://u:p@mail.example.com/", "mail.example.com", 465, "wrapper"),
            ("smtp://[::1]:1025?tls=none", "::1", 1025, "none"),
        ] {
            let settings = Settings::parse(url).unwrap();
            assert_eq!(
                (settings.host.as_str(), settings.port, settings.protection.name()),
                (host, port, tls),
                "{url}"
            );
        }
    }

    #[test]
    fn bad_urls_are_refused_without_repeating_the_password() {
        for url in [
            "",
            "mail.example.com",
            "http://u:hunter2@mail.example.com",
            "smtp://",
            "smtp://u@mail.example.com",
            "smtp://u:hunter2@mail.example.com/path",
            "smtp://u:hunter2@mail.example.com:99999",
            "smtp://u:hunter2@mail.example.com?tls=maybe",
            "smtp://u:hunter2@mail.example.com?tls=opportunistic",
            "smtp://u:hunter2@mail.example.com?tsl=none",
            "smtp://u:hunter2@mail.example.com?helo=a%0d%0ab",
            "smtp://u:hunter2@mail.example.com?ca=/nonexistent",
            "smtps://u:hunter2@mail.example.com?tls=none",
            "smtp://u:hunter2%ff@mail.example.com",
        ] {
            let error = Settings::parse(url).unwrap_err().to_string();
            assert!(error.starts_with("The SMTP URL is not usable"), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_hides_the_password() {
        let settings = Settings::parse("smtp://ada:hunter2@mail.example.com").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
