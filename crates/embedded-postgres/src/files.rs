//! The data directory itself, its lock and the server's log.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

const LOG_KEPT: u64 = 16 * 1024 * 1024;
const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 15;

/// Creates the directory if need be and gives its one true name.
pub(crate) fn create_data_dir(path: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(path).map_err(Error::directory("create the data directory", path))?;
    fs::canonicalize(path).map_err(Error::directory("find the data directory", path))
}

/// The right to use a data directory. Ends with the process at the latest, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn acquire(data_dir: &Path) -> Result<Self, Error> {
        let path = data_dir.join("opencom.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            // The text in it is the holder's until we hold the lock.
            .truncate(false)
            .open(&path)
            .map_err(Error::directory("write", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                let pid = match pid.trim() {
                    "" => "unknown",
                    pid => pid,
                };
                return Err(Error::Locked {
                    dir: data_dir.to_path_buf(),
                    pid: pid.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::directory("lock", path)(source)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::directory("write", path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file alone is not enough at once: a program that is being started this very moment has a copy of
        // the handle until its `exec` is through.
        let _ = self.file.unlock();
    }
}

/// The file that the server and `initdb` write to.
#[derive(Debug)]
pub(crate) struct ServerLog {
    pub(crate) path: PathBuf,
}

impl ServerLog {
    /// Sets a log that has grown large aside, keeping one old one.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let log = Self {
            path: data_dir.join("postgres.log"),
        };
        if log.len() > LOG_KEPT {
            fs::rename(&log.path, data_dir.join("postgres.log.1")).map_err(Error::directory("rename", &log.path))?;
        }
        log.writer()?;
        Ok(log)
    }

    /// A handle to give to a child; the account needs no access of its own then.
    pub(crate) fn writer(&self) -> Result<File, Error> {
        OpenOptions::new()
            .append(true)
            .create(true)
            // Statements that failed are quoted in it, with their data.
            .mode(0o600)
            .open(&self.path)
            .map_err(Error::directory("write", &self.path))
    }

    /// Where the log ends now, to quote later only what was added.
    pub(crate) fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |meta| meta.len())
    }

    /// The last lines written after `mark`, or a word on there being none.
    pub(crate) fn tail(&self, mark: u64) -> String {
        let mut bytes = Vec::new();
        let start = mark.max(self.len().saturating_sub(TAIL_BYTES));
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_to_end(&mut bytes)
        });
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match read {
            Err(error) => format!("(cannot read {}: {error})", self.path.display()),
            Ok(_) if lines.is_empty() => "(nothing)".to_owned(),
            Ok(_) => lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"),
        }
    }
}
