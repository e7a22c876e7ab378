//! The HTTP client of whatever speaks to a web service.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// The longest pause that an answer can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Builds a client that gives a request up after `timeout`, connecting included.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    install_crypto();
    // Redirects are off because the requests carry API keys, which must reach the configured host and no other.
    let builder = || reqwest::Client::builder().timeout(timeout).redirect(Policy::none());
    builder().build().or_else(|error| {
        // Small container images have no certificate store; the bundled roots keep the service reachable there.
        let Some(tls) = bundled_roots() else { return Err(error) };
        builder().tls_backend_preconfigured(tls).build()
    })
}

/// The pause that an answer asks for, in seconds: the one form that the services of the adapters use.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// As much of the answer as arrives, up to `most` bytes.
pub(crate) async fn read(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > most {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// The innermost error, which alone says whether a name, a port or a certificate is wrong.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Gives the process the cryptography that TLS clients ask for.
pub fn install_crypto() {
    // An error says that the process has a provider already, which serves as well as ours.
    let _ = ring::default_provider().install_default();
}

fn bundled_roots() -> Option<ClientConfig> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?;
    Some(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn building_twice_keeps_the_installed_crypto_provider() {
        client(Duration::from_secs(1)).unwrap();
        client(Duration::from_secs(1)).unwrap();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }

    #[test]
    fn bundled_roots_make_a_client() {
        let tls = bundled_roots().unwrap();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .build()
            .unwrap();
    }
}
