//! The master key: given, or made once and kept in the data directory. Beside it there may be earlier ones, while it is
//! being changed: given too, or in further lines of the file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use opencom_core::auth::seal::MasterKey;
use opencom_core::auth::token;

use crate::config::Config;

type Bytes = [u8; MasterKey::LENGTH];

/// The key in these hex digits.
fn bytes(text: &str, place: &str) -> Result<Bytes, String> {
    hex::decode(text.trim())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| format!("{place} must be 64 hex digits"))
}

/// A key that nobody has.
pub(crate) fn new_key() -> Result<String, String> {
    let bytes = token::random::<{ MasterKey::LENGTH }>().map_err(|error| error.to_string())?;
    Ok(hex::encode(bytes))
}

/// The master key with those that it was before.
fn build(keys: &[Bytes], place: &str) -> Result<MasterKey, String> {
    let (current, previous) = keys.split_first().ok_or_else(|| format!("{place} has no key in it"))?;
    let key = MasterKey::new(current);
    let all = previous.iter().fold(key, |key, bytes| key?.and_previous(bytes));
    all.map_err(|error| error.to_string())
}

/// The master key that was given, else the one of the data directory, made when there is none.
pub(crate) fn master_key(config: &Config) -> Result<MasterKey, String> {
    if let Some(text) = &config.master_key {
        let mut keys = vec![bytes(text, "OPENCOM_MASTER_KEY")?];
        for text in &config.master_key_previous {
            keys.push(bytes(text, "OPENCOM_MASTER_KEY_PREVIOUS")?);
        }
        return build(&keys, "OPENCOM_MASTER_KEY");
    }
    if !config.master_key_previous.is_empty() {
        return Err("OPENCOM_MASTER_KEY_PREVIOUS is of use beside OPENCOM_MASTER_KEY alone".to_owned());
    }
    let file = KeyFile::of(&config.data_dir);
    file.make()?;
    let keys = file.lines()?;
    let keys: Vec<Bytes> = keys
        .iter()
        .map(|text| bytes(text, &file.place()))
        .collect::<Result<_, _>>()?;
    build(&keys, &file.place())
}

/// The file of the master key: the key in the first line, earlier ones below.
pub(crate) struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The one of a data directory.
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("master.key"),
        }
    }

    /// What it is called.
    pub(crate) fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// Its keys.
    pub(crate) fn lines(&self) -> Result<Vec<String>, String> {
        let text =
            fs::read_to_string(&self.path).map_err(|error| format!("{} cannot be read: {error}", self.place()))?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Makes the file with a new key unless it is there. Of processes that start together one makes it, and no key that
    /// something may be sealed under is ever overwritten.
    fn make(&self) -> Result<(), String> {
        let key = new_key()?;
        let write = || {
            if let Some(parent) = self.path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = private().create_new(true).open(&self.path)?;
            file.write_all(key.as_bytes())?;
            file.sync_all()
        };
        match write() {
            Ok(()) => {
                tracing::info!("made a master key in {}; back it up with the database", self.place());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(self.not_written(&error)),
        }
    }

    fn not_written(&self, error: &std::io::Error) -> String {
        format!("{} cannot be written: {error}", self.place())
    }

    /// Keeps these keys in place of those that it has. Nothing may be sealed under a key that could be lost, so it is on the
    /// disk before it is used; and whatever happens meanwhile, the file has either these or those.
    pub(crate) fn keep(&self, lines: &[String]) -> Result<(), String> {
        let write = || {
            let beside = self.path.with_extension("key.new");
            let mut file = private().create(true).truncate(true).open(&beside)?;
            file.write_all(lines.join("\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            match self.path.parent() {
                Some(parent) => fs::File::open(parent)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(|error: std::io::Error| self.not_written(&error))
    }
}

/// How a file is opened that nobody else may read.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_key_that_is_there_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::of(directory.path());
        file.make().unwrap();
        let first = file.lines().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| file.make().unwrap());
            }
        });
        assert_eq!(file.lines().unwrap(), first);
        let two = vec!["b".to_owned(), first[0].clone()];
        file.keep(&two).unwrap();
        file.make().unwrap();
        assert_eq!(file.lines().unwrap(), two);
    }
}
