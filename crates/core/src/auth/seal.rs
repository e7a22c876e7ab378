//! Secrets at rest: AES-256-GCM under the server's master key.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use ring::hmac;

use super::token::random;
use crate::{Error, Result};

/// The server's master key. Never shown, never logged.
pub struct MasterKey {
    sealing: LessSafeKey,
    deriving: hmac::Key,
}

impl MasterKey {
    /// The length of the key in bytes.
    pub const LENGTH: usize = 32;

    /// The key with these bytes.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| Error::internal("the master key is not usable"))?;
        Ok(Self {
            sealing: LessSafeKey::new(key),
            deriving: hmac::Key::new(hmac::HMAC_SHA256, bytes),
        })
    }

    /// 32 bytes that only the holder of this key can compute from `parts`. The same parts give the same bytes.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.deriving);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        bytes
    }

    /// Encrypts `secret`. `purpose` binds the result to its place: opening it under another purpose fails.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = secret.to_vec();
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`seal`](Self::seal) made.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let refused = || {
            Error::internal(format!(
                "a stored secret ({purpose}) does not open under this OPENCOM_MASTER_KEY"
            ))
        };
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let mut text = text.to_vec();
        let opened = self
            .sealing
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose.as_bytes()),
                &mut text,
            )
            .map_err(|_| refused())?;
        Ok(opened.to_vec())
    }

    /// Encrypts a text, see [`seal`](Self::seal).
    pub fn seal_text(&self, purpose: &str, secret: &str) -> Result<Vec<u8>> {
        self.seal(purpose, secret.as_bytes())
    }

    /// Decrypts a text, see [`open`](Self::open).
    pub fn open_text(&self, purpose: &str, sealed: &[u8]) -> Result<String> {
        String::from_utf8(self.open(purpose, sealed)?).map_err(|_| Error::internal("a sealed text is not UTF-8"))
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_open_under_their_key_and_purpose_alone() {
        let key = MasterKey::new(&[7; 32]).unwrap();
        let sealed = key.seal_text("identity", "s3cret").unwrap();
        assert_eq!(key.open_text("identity", &sealed).unwrap(), "s3cret");
        assert_ne!(sealed, key.seal_text("identity", "s3cret").unwrap());
        key.open("other", &sealed).unwrap_err();
        MasterKey::new(&[8; 32]).unwrap().open("identity", &sealed).unwrap_err();
        key.open("identity", &sealed[..5]).unwrap_err();
    }
}
