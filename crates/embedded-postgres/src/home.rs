//! Where the cluster lives: in the data directory, or elsewhere when the server's account cannot get there.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::account::Account;
use crate::error::Error;

/// Holds the clusters of data directories that the server's account cannot enter.
const ELSEWHERE: &str = "/var/lib/opencom";
/// Names the data directory that a cluster elsewhere belongs to: for the operator, and for the sweep.
const ORIGIN: &str = "origin";
const THROW_AWAY_ORIGIN: &str = "origin.throw-away";

/// The places the server works in.
#[derive(Debug)]
pub(crate) struct Home {
    /// Directory around the cluster; sockets and fetched programs go here. The account can enter it.
    pub(crate) root: PathBuf,
    pub(crate) cluster: PathBuf,
}

impl Home {
    pub(crate) fn locate(data_dir: &Path, account: &Account, durable: bool) -> Result<Self, Error> {
        let cluster = data_dir.join("postgres");
        let reachable = account.can_enter(data_dir);
        match fs::symlink_metadata(&cluster) {
            Ok(meta) if meta.is_symlink() => Self::behind_link(&cluster, account),
            Ok(_) if !reachable => Err(Error::Unusable {
                dir: cluster,
                problem: format!(
                    "account {} may not enter it; let others traverse each directory above it (chmod o+x), or move the \
                     data directory",
                    account.name
                ),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound && !reachable => {
                let root = make_elsewhere(Path::new(ELSEWHERE), data_dir, account, durable)?;
                let target = root.join("postgres");
                symlink(&target, &cluster).map_err(Error::directory("create", &cluster))?;
                tracing::info!(
                    data_dir = %data_dir.display(),
                    account = account.name,
                    "PostgreSQL's account cannot enter the data directory: the database goes to {}",
                    target.display(),
                );
                Ok(Self { root, cluster: target })
            }
            Ok(_) => Ok(Self {
                root: data_dir.to_path_buf(),
                cluster,
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self {
                root: data_dir.to_path_buf(),
                cluster,
            }),
            Err(source) => Err(Error::directory("read", cluster)(source)),
        }
    }

    /// The link is ours, or the operator's who wants the cluster on another disk.
    fn behind_link(link: &Path, account: &Account) -> Result<Self, Error> {
        let unusable = |problem| Error::Unusable {
            dir: link.to_path_buf(),
            problem,
        };
        let target = fs::read_link(link).map_err(Error::directory("read", link))?;
        // A relative target counts from where the link stands.
        let target = link.parent().unwrap_or(link).join(target);
        let gone = || {
            unusable(format!(
                "it is a link to {}, which does not exist; bring that back, or remove the link to begin with an empty \
                 database",
                target.display()
            ))
        };
        // The cluster itself may be missing: a first start was cut short between the link and initdb.
        let root = target
            .parent()
            .and_then(|root| fs::canonicalize(root).ok())
            .ok_or_else(gone)?;
        let cluster = match (fs::canonicalize(&target), target.file_name()) {
            (Ok(cluster), _) => cluster,
            (Err(_), Some(name)) => root.join(name),
            (Err(_), None) => return Err(gone()),
        };
        if account.can_enter(&root) {
            Ok(Self { root, cluster })
        } else {
            Err(unusable(format!(
                "account {} may not enter {}; let others traverse it (chmod o+x)",
                account.name,
                root.display()
            )))
        }
    }

    /// Refuses a disk that is as good as full: PostgreSQL ends abruptly on one, and a new cluster takes 60 MB at once.
    pub(crate) fn check_space(&self, durable: bool) -> Result<(), Error> {
        let new = !self.cluster.join("PG_VERSION").exists();
        let needed_mb = match (new, durable) {
            (true, true) => 200,
            (true, false) => 100,
            // A database that exists must not be locked away over a margin; this covers recovery.
            (false, _) => 50,
        };
        let Ok(stats) = statvfs(&self.root) else {
            // Not every file system tells; a really full one is found out soon enough.
            return Ok(());
        };
        // The width of these differs between systems.
        #[expect(clippy::useless_conversion, reason = "u32 on some systems")]
        let free_mb = u64::from(stats.blocks_available()).saturating_mul(u64::from(stats.fragment_size())) / 1_000_000;
        if free_mb >= needed_mb {
            return Ok(());
        }
        Err(Error::DiskFull {
            path: self.root.clone(),
            free_mb,
            needed_mb,
        })
    }
}

/// A fresh directory of this data directory's own under `base`.
fn make_elsewhere(base: &Path, data_dir: &Path, account: &Account, durable: bool) -> Result<PathBuf, Error> {
    make_dir(base)?;
    sweep(base);
    let hash = short_hash(data_dir);
    let mut root = base.join(&hash);
    for number in 2.. {
        if !root.join("postgres").exists() {
            break;
        }
        // The data directory was deleted and made anew, so its owner wants an empty database; the old one may still be
        // dear to somebody and stays.
        tracing::warn!(
            "{} holds the database of an earlier data directory of the same name; it is left alone",
            root.display()
        );
        root = base.join(format!("{hash}-{number}"));
    }
    make_dir(&root)?;
    let origin = root.join(if durable { ORIGIN } else { THROW_AWAY_ORIGIN });
    fs::write(&origin, data_dir.as_os_str().as_encoded_bytes()).map_err(Error::directory("write", origin))?;
    if account.can_enter(&root) {
        Ok(root)
    } else {
        Err(Error::Unusable {
            dir: data_dir.to_path_buf(),
            problem: format!(
                "account {} may enter neither it nor {}; let others traverse one of them (chmod o+x)",
                account.name,
                base.display()
            ),
        })
    }
}

/// Removes throw-away clusters whose data directory is gone: a test that deletes its temporary directory cannot know
/// that the cluster in it had to go elsewhere.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for dir in entries.flatten().map(|entry| entry.path()) {
        let Ok(origin) = fs::read_to_string(dir.join(THROW_AWAY_ORIGIN)) else {
            continue;
        };
        if !Path::new(&origin).exists() {
            tracing::debug!("removing the throw-away cluster {}", dir.display());
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Makes a directory that others may traverse, whatever our umask says.
fn make_dir(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .and_then(|()| fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)))
        .map_err(Error::directory("create", path))
}

/// A name for a path, the same in every release: FNV-1a, since the standard library's hash may change between versions.
pub(crate) fn short_hash(path: &Path) -> String {
    let hash = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{:012x}", hash >> 16)
}
