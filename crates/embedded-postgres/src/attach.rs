//! Finds the server that another process of ours runs, for commands that have something to do beside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client;
use crate::error::Error;
use crate::files::Lock;
use crate::takeover::{first_number, is_server};

/// The line of PostgreSQL's own note that says where its socket is.
const SOCKET_LINE: usize = 4;

/// URL of a database of the server that another process runs in this data directory; `None` when none does, and
/// [`start`](crate::Postgres::start) would.
///
/// The URL is good for as long as that process lives.
pub fn url_of_running(data_dir: &Path, database: &str) -> Option<String> {
    let data_dir = fs::canonicalize(data_dir).ok()?;
    // Nothing but the lock tells a server that is used from one that was left behind.
    if !matches!(Lock::acquire(&data_dir), Err(Error::Locked { .. })) {
        return None;
    }
    let cluster = fs::canonicalize(data_dir.join("postgres")).ok()?;
    let note = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let pid = first_number(&note)?;
    let socket_dir = PathBuf::from(note.lines().nth(SOCKET_LINE)?);
    is_server(pid, &cluster).then(|| client::url(&socket_dir, database))
}
