//! The HTTP client of the adapters that speak to a web service.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// Builds a client that gives a request up after `timeout`, connecting included.
pub(crate) fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    install_crypto();
    // Redirects are off because the requests carry API keys, which must reach the configured host and no other.
    let builder = || reqwest::Client::builder().timeout(timeout).redirect(Policy::none());
    builder().build().or_else(|error| {
        // Small container images have no certificate store; the bundled roots keep the service reachable there.
        let Some(tls) = bundled_roots() else { return Err(error) };
        builder().tls_backend_preconfigured(tls).build()
    })
}

/// Gives the process the cryptography that TLS clients ask for.
pub(crate) fn install_crypto() {
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
