//! Placeholder.
use opencom_core::auth::jwt::JwtKey;
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Millis, Result};

/// Placeholder.
pub async fn load_or_create_signing_key(_: &str, _: &MasterKey, pem: Option<&str>, _: Millis) -> Result<JwtKey> {
    JwtKey::from_pem(pem.unwrap_or_default())
}
