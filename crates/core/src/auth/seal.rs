//! Secrets at rest: AES-256-GCM under the server's master key.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use ring::hmac;

use super::token::random;
use crate::{Error, Result};

/// The server's master key, and those that it was before. Never shown, never logged.
///
/// Everything is sealed and derived under the key itself; what an earlier one sealed opens as well, as long as that one is
/// given, so that a key can be changed while servers run.
#[derive(Clone)]
pub struct MasterKey {
    current: Single,
    previous: Vec<Single>,
}

/// One key.
#[derive(Clone)]
struct Single {
    sealing: LessSafeKey,
    deriving: hmac::Key,
}

impl Single {
    fn new(bytes: &[u8; MasterKey::LENGTH]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| Error::internal("the master key is not usable"))?;
        Ok(Self {
            sealing: LessSafeKey::new(key),
            deriving: hmac::Key::new(hmac::HMAC_SHA256, bytes),
        })
    }

    fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.deriving);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        bytes
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .sealing
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text);
        opened.ok().map(|opened| opened.to_vec())
    }

    /// Tells keys apart without giving them away.
    fn fingerprint(&self) -> String {
        hex::encode(&self.derive("fingerprint", &[])[..4])
    }
}

impl MasterKey {
    /// The length of the key in bytes.
    pub const LENGTH: usize = 32;

    /// The key with these bytes.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Result<Self> {
        Ok(Self {
            current: Single::new(bytes)?,
            previous: Vec::new(),
        })
    }

    /// The same, which also opens what was sealed under the key with these bytes.
    pub fn and_previous(mut self, bytes: &[u8; Self::LENGTH]) -> Result<Self> {
        self.previous.push(Single::new(bytes)?);
        Ok(self)
    }

    /// Whether it knows of an earlier key: it is being changed.
    pub fn has_previous(&self) -> bool {
        !self.previous.is_empty()
    }

    /// A name of the key itself, which tells it from others and gives nothing away.
    pub fn fingerprint(&self) -> String {
        self.current.fingerprint()
    }

    fn all(&self) -> impl Iterator<Item = &Single> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// 32 bytes that only the holder of this key can compute from `parts`. The same parts give the same bytes.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.current.derive(purpose, parts)
    }

    /// The same of this key and of the earlier ones, to recognise what was derived before the key was changed.
    pub fn derivations(&self, purpose: &str, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        self.all().map(|key| key.derive(purpose, parts)).collect()
    }

    /// Encrypts `secret`. `purpose` binds the result to its place: opening it under another purpose fails.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = secret.to_vec();
        self.current
            .sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`seal`](Self::seal) made, under this key or an earlier one.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        self.all().find_map(|key| key.open(purpose, sealed)).ok_or_else(|| {
            Error::internal(format!(
                "a stored secret ({purpose}) does not open under this OPENCOM_MASTER_KEY"
            ))
        })
    }

    /// Encrypts anew what an earlier key sealed; `None` for what this key opens already.
    ///
    /// # Errors
    /// When neither opens it.
    pub fn reseal(&self, purpose: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        if self.current.open(purpose, sealed).is_some() {
            return Ok(None);
        }
        self.seal(purpose, &self.open(purpose, sealed)?).map(Some)
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

    #[test]
    fn a_changed_key_opens_what_it_sealed_before_and_seals_it_anew() {
        let (old, new) = ([7; 32], [8; 32]);
        let before = MasterKey::new(&old).unwrap();
        let sealed = before.seal_text("identity", "s3cret").unwrap();
        let during = MasterKey::new(&new).unwrap().and_previous(&old).unwrap();
        assert_eq!(during.open_text("identity", &sealed).unwrap(), "s3cret");
        let resealed = during.reseal("identity", &sealed).unwrap().unwrap();
        assert!(during.reseal("identity", &resealed).unwrap().is_none());
        let after = MasterKey::new(&new).unwrap();
        assert_eq!(after.open_text("identity", &resealed).unwrap(), "s3cret");
        after.reseal("identity", &sealed).unwrap_err();
        before.open("identity", &resealed).unwrap_err();

        assert_eq!(
            during.derivations("alias", &[b"x"]),
            [after.derive("alias", &[b"x"]), before.derive("alias", &[b"x"])]
        );
        assert_eq!(during.fingerprint(), after.fingerprint());
        assert_ne!(during.fingerprint(), before.fingerprint());
    }
}
