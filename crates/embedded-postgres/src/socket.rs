//! The directory of the server's socket.
//!
//! Whoever can connect is trusted without a password. That is sound because the socket is the only way in and stands in
//! a directory of mode 0700 owned by the server's account: only that account and root get through, and both can read
//! the database files anyway. A password would have to be stored beside them and would add nothing.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::account::Account;
use crate::error::Error;
use crate::home::{Home, short_hash};

/// Part of the socket's name and of the URL; no TCP port is opened.
pub(crate) const PORT: u16 = 5432;
/// What `sockaddr_un` holds on the tightest of our systems, macOS; Linux has room for 107.
const LONGEST_PATH: usize = 103;

/// Makes the directory beside the cluster, or under a temporary directory where that path is too long for a socket or
/// its file system cannot hold one (shared folders of virtual machines).
pub(crate) fn prepare(home: &Home, account: &Account) -> Result<PathBuf, Error> {
    let short = format!("opencom-{}", short_hash(&home.cluster));
    let candidates = [
        (home.root.join("postgres-run"), Around::Ours),
        (std::env::temp_dir().join(&short), Around::Shared),
        (Path::new("/tmp").join(&short), Around::Shared),
    ];
    let mut failure = None;
    for (dir, around) in candidates {
        let socket = dir.join(format!(".s.PGSQL.{PORT}"));
        if socket.as_os_str().len() > LONGEST_PATH {
            continue;
        }
        match make_private(&dir, around, account).and_then(|()| try_socket(&dir)) {
            Ok(()) if account.can_enter(&dir) => return Ok(dir),
            Ok(()) => {}
            Err(source) => failure = Some((dir, source)),
        }
    }
    let (path, source) = failure.unwrap_or_else(|| {
        let source = io::Error::other(format!("account {} cannot reach it", account.name));
        (std::env::temp_dir(), source)
    });
    Err(Error::Directory {
        action: "make a directory for PostgreSQL's socket at",
        path,
        source,
    })
}

/// What the socket's directory stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    /// Nobody else can put anything there; what exists may come from an earlier account.
    Ours,
    /// Others may have put something of theirs under our name, so what exists is taken only if it is a real directory
    /// of ours.
    Shared,
}

/// A directory that the account alone can use.
fn make_private(dir: &Path, around: Around, account: &Account) -> io::Result<()> {
    // Only if empty: then it does not matter whose it was.
    let _ = fs::remove_dir(dir);
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let meta = fs::symlink_metadata(dir)?;
    let owner = Uid::from_raw(meta.uid());
    let ours = around == Around::Ours || [Uid::effective(), account.uid].contains(&owner);
    if !meta.is_dir() || !ours {
        return Err(io::Error::other("it exists and belongs to somebody else"));
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    account.own(dir).map_err(io::Error::other)
}

fn try_socket(dir: &Path) -> io::Result<()> {
    let path = dir.join("probe");
    // Left by a start that was killed in this very moment.
    let _ = fs::remove_file(&path);
    UnixListener::bind(&path)?;
    fs::remove_file(path)
}
