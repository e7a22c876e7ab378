//! The master key: given, or made once and kept in the data directory.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use opencom_core::auth::seal::MasterKey;
use opencom_core::auth::token;

/// The master key with these hex digits.
fn parse(text: &str, place: &str) -> Result<MasterKey, String> {
    let bytes = hex::decode(text.trim()).map_err(|_| format!("{place} must be 64 hex digits"))?;
    let bytes = bytes
        .as_slice()
        .try_into()
        .map_err(|_| format!("{place} must be 64 hex digits"))?;
    MasterKey::new(bytes).map_err(|error| error.to_string())
}

/// The master key that was given, else the one of the data directory, made when there is none.
pub(crate) fn master_key(given: Option<&str>, data_dir: &Path) -> Result<MasterKey, String> {
    if let Some(text) = given {
        return parse(text, "OPENCOM_MASTER_KEY");
    }
    let path = data_dir.join("master.key");
    let place = path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text, &place),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = hex::encode(token::random::<{ MasterKey::LENGTH }>().map_err(|error| error.to_string())?);
            keep(&path, &text).map_err(|error| format!("{place} cannot be written: {error}"))?;
            tracing::info!("made a master key in {place}; back it up with the database");
            parse(&text, &place)
        }
        Err(error) => Err(format!("{place} cannot be read: {error}")),
    }
}

/// Nothing may be sealed under a key that could be lost, so it is on the disk before it is used.
fn keep(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
