//! Passwords as they are stored: argon2id in a PHC string.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use opencom_core::{Error, Result};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// Hashes passwords on threads that may block, no more at a time than there are processors: each takes its memory.
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            permits: Arc::new(Semaphore::new(processors)),
        }
    }
}

impl Hasher {
    /// The hash to store for a password.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        self.run(password, |password| hash(password.as_bytes())).await?
    }

    /// Whether the password is the one that was stored. Without a stored one it is not, and finding out takes as long.
    pub(super) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool> {
        self.run(password, move |password| match stored {
            Some(stored) => {
                let stored = PasswordHash::new(&stored).map_err(|error| Error::internal(error.to_string()))?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
            }
            None => hash(password.as_bytes()).map(|_| false),
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(String) -> T + Send + 'static,
    ) -> Result<T> {
        // The same password may be typed in several Unicode forms.
        let password: String = password.nfkc().collect();
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            // Held by the thread: a caller who hangs up does not make room for another.
            let _permit = permit;
            work(password)
        })
        .await
        .map_err(Error::internal)
    }
}

fn hash(password: &[u8]) -> Result<String> {
    let hash = Argon2::default()
        .hash_password(password)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let hasher = Hasher::default();
        let stored = hasher.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(hasher.verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!hasher.verify("correct horsf", Some(stored.clone())).await.unwrap());
        assert!(!hasher.verify("correct horse", None).await.unwrap());
        assert_ne!(stored, hasher.hash("correct horse").await.unwrap());
    }

    #[tokio::test]
    async fn forms_of_one_character_are_one_password() {
        let hasher = Hasher::default();
        let stored = hasher.hash("ﬁancée…").await.unwrap();
        assert!(hasher.verify("fiance\u{301}e...", Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_none_is_our_fault() {
        let error = Hasher::default()
            .verify("x", Some("salt:key".to_owned()))
            .await
            .unwrap_err();
        assert_eq!(error.code(), opencom_core::Code::InternalError);
    }
}
