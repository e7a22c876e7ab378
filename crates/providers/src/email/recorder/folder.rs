//! A directory of `.eml` files that keeps the newest ones.

use std::collections::VecDeque;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Only the owner reads these files: they hold sign-in codes.
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

/// Digits of the milliseconds since the epoch, enough until the year 2286.
const MILLIS: usize = 13;
/// Digits of the counter that tells mails of the same millisecond apart.
const COUNTER: usize = 6;

pub(super) struct Folder {
    dir: PathBuf,
    files: Arc<Mutex<Files>>,
}

struct Files {
    /// Names of our files, oldest first.
    names: VecDeque<String>,
    counter: u32,
}

impl Folder {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&dir)?;

        let mut names: Vec<String> = std::fs::read_dir(&dir)?
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect::<io::Result<_>>()?;
        names.retain(|name| is_ours(name));
        names.sort_unstable();
        Ok(Self {
            dir,
            files: Arc::new(Mutex::new(Files {
                names: names.into(),
                counter: 0,
            })),
        })
    }

    /// Writes one mail and deletes the oldest files beyond `capacity`.
    pub(super) async fn write(&self, mail: &[u8], capacity: usize) -> io::Result<PathBuf> {
        let (dir, files, mail) = (self.dir.clone(), Arc::clone(&self.files), mail.to_vec());
        let write = move || {
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            let millis = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis();
            files.counter = (files.counter + 1) % 10_u32.pow(COUNTER as u32);
            let name = format!("{millis:0MILLIS$}-{:0COUNTER$}.eml", files.counter);
            let path = dir.join(&name);

            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            options.mode(0o600);
            options.open(&path)?.write_all(&mail).inspect_err(|_| {
                // Half a mail helps nobody; if this fails as well, the first error says why.
                let _ = std::fs::remove_file(&path);
            })?;

            files.names.push_back(name);
            while files.names.len() > capacity {
                let Some(oldest) = files.names.pop_front() else { break };
                // The mail is recorded by now; an old file that stays must not make it fail.
                let _ = std::fs::remove_file(dir.join(oldest));
            }
            Ok(path)
        };
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }
}

fn is_ours(name: &str) -> bool {
    let parts = name.strip_suffix(".eml").and_then(|stem| stem.split_once('-'));
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(millis, counter)| digits(millis, MILLIS) && digits(counter, COUNTER))
}
