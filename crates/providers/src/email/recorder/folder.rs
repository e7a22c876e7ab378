//! A directory of `.eml` files, numbered in the order of their coming, that keeps the newest ones.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

// Only the owner reads these files: they hold sign-in codes.
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

/// Digits of a number, so that names sort as numbers do.
const DIGITS: usize = 10;

/// It holds no list of the files: other processes may record into the same directory.
pub(super) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&dir)?;
        numbers(&dir)?;
        Ok(Self { dir })
    }

    /// Whether a mail could be written.
    pub(super) async fn check(&self) -> io::Result<()> {
        let dir = self.dir.clone();
        let check = move || try_file_in(&dir);
        tokio::task::spawn_blocking(check).await.map_err(io::Error::other)?
    }

    /// Writes one mail and deletes the oldest files beyond `capacity`.
    pub(super) async fn write(&self, mail: Vec<u8>, capacity: usize) -> io::Result<PathBuf> {
        let dir = self.dir.clone();
        let write = move || {
            let mut numbers = numbers(&dir)?;
            let (number, mut file) = create_after(&dir, numbers.last().copied().unwrap_or(0))?;
            let path = path(&dir, number);
            file.write_all(&mail).inspect_err(|_| {
                // Half a mail helps nobody; if this fails as well, the first error says why.
                let _ = std::fs::remove_file(&path);
            })?;

            numbers.push(number);
            for oldest in &numbers[..numbers.len().saturating_sub(capacity)] {
                // The mail is recorded by now; an old file that stays must not make it fail.
                let _ = std::fs::remove_file(self::path(&dir, *oldest));
            }
            Ok(path)
        };
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }
}

/// Creates a file and removes it again.
fn try_file_in(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!(".check-{}", std::process::id()));
    File::create(&path)?;
    std::fs::remove_file(path)
}

/// Creates the first file after this number that no other process creates at the same time.
fn create_after(dir: &Path, mut number: u64) -> io::Result<(u64, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    loop {
        number += 1;
        match options.open(path(dir, number)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return Ok((number, opened?)),
        }
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:0DIGITS$}.eml"))
}

/// The numbers of our files, lowest first; files of another name are somebody else's.
fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".eml"));
        let digits = digits.filter(|digits| digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()));
        numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
