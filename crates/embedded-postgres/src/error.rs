//! What can go wrong, each with what the operator can do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why there is no server. `Display` is meant for the operator; an underlying cause is the `source()`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory or something in it cannot be made, read or written.
    #[error("cannot {action} {}; make it accessible to this user, or set OPENCOM_DATA_DIR to another directory", path.display())]
    Directory {
        /// Verb phrase that completes "cannot".
        action: &'static str,
        /// What was acted on.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Another process uses the data directory.
    #[error("another opencom (pid {pid}) is using {}; stop it or set OPENCOM_DATA_DIR", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Process that holds the lock, or `unknown`.
        pid: String,
    },
    /// Too little room to run a database.
    #[error(
        "only {free_mb} MB are free in {}, PostgreSQL needs {needed_mb} MB; free some space or set OPENCOM_DATA_DIR to \
         a directory on another disk",
        path.display()
    )]
    DiskFull {
        /// Where the cluster is or would be.
        path: PathBuf,
        /// What is left there.
        free_mb: u64,
        /// What must be left.
        needed_mb: u64,
    },
    /// This process is root and there is no account to run the server under.
    #[error(
        "PostgreSQL refuses to run as root and none of the accounts {tried} exists; create one (useradd --system \
         opencom), start opencom as another user, or set DATABASE_URL to a PostgreSQL server of your own"
    )]
    NoAccount {
        /// Names that were looked up.
        tried: String,
    },
    /// The server's account exists, yet nothing can be run under it.
    #[error(
        "cannot run programs as account {name}, which PostgreSQL needs because it refuses to run as root; start opencom \
         as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own"
    )]
    Account {
        /// The account.
        name: String,
        /// The system's word.
        source: io::Error,
    },
    /// The cluster belongs to somebody else and this process is not root.
    #[error(
        "the database in {} belongs to account {owner}, this process runs as {current}; start opencom as {owner} or as \
         root, or set OPENCOM_DATA_DIR",
        dir.display()
    )]
    ForeignCluster {
        /// The cluster.
        dir: PathBuf,
        /// Who owns it.
        owner: String,
        /// Who we are.
        current: String,
    },
    /// The cluster's place is not in a state to work with.
    #[error("cannot use {} as the database directory: {problem}", dir.display())]
    Unusable {
        /// The cluster.
        dir: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No PostgreSQL that could run a new cluster.
    #[error(
        "no PostgreSQL 14 or newer to run: {found}; looked in {searched}; {fetch}. Install postgresql 14 or newer by the \
         package manager, set OPENCOM_POSTGRES_BIN to the directory of its programs, or set DATABASE_URL to a \
         PostgreSQL server of your own"
    )]
    NoBinaries {
        /// What was found that does not suit, and why.
        found: String,
        /// The places searched.
        searched: String,
        /// What became of fetching.
        fetch: String,
    },
    /// No PostgreSQL of the major version that made the cluster.
    #[error(
        "the database in {} was made by PostgreSQL {major} and only that version can open it, but it is not to be had: \
         {found}; looked in {searched}; {fetch}. Install postgresql {major} or set OPENCOM_POSTGRES_BIN to its programs; \
         to change the version (14 at least), dump with the old one and restore into a fresh OPENCOM_DATA_DIR, or run \
         pg_upgrade",
        dir.display()
    )]
    ClusterVersion {
        /// The cluster.
        dir: PathBuf,
        /// Its major version.
        major: u16,
        /// What was found.
        found: String,
        /// The places searched.
        searched: String,
        /// What became of fetching.
        fetch: String,
    },
    /// `initdb` failed.
    #[error("initdb could not make a database in {} ({status}). It said:\n{output}", dir.display())]
    Initdb {
        /// The cluster to be.
        dir: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines.
        output: String,
    },
    /// A program would not start at all.
    #[error(
        "cannot run {}; check that account {account} may execute it, or set OPENCOM_POSTGRES_BIN to another installation",
        program.display()
    )]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Who was to run it.
        account: String,
        /// The system's word.
        source: io::Error,
    },
    /// The server ended instead of becoming ready.
    #[error("PostgreSQL ended while starting ({status}); the end of its log {}:\n{tail}", log.display())]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The whole log.
        log: PathBuf,
        /// Last lines of this start.
        tail: String,
    },
    /// The server runs but does not answer.
    #[error("PostgreSQL does not answer on {} after {} s; look into its log{log}", socket_dir.display(), waited.as_secs())]
    NotReady {
        /// Where it should listen.
        socket_dir: PathBuf,
        /// How long we waited.
        waited: Duration,
        /// Name and last lines of the log, where known.
        log: String,
    },
    /// A server of an earlier process will not go away.
    #[error(
        "the PostgreSQL server (pid {pid}) that an earlier opencom left behind in {} does not stop; end that process and \
         start again",
        dir.display()
    )]
    LeftBehind {
        /// Its postmaster.
        pid: i32,
        /// The cluster.
        dir: PathBuf,
    },
    /// The supervising thread could not be started or is gone.
    #[error("the supervisor of PostgreSQL is not running")]
    Supervisor(#[source] Option<io::Error>),
    /// The server refused a statement of ours.
    #[error("cannot create database {name}")]
    Database {
        /// The database.
        name: String,
        /// The server's word.
        source: tokio_postgres::Error,
    },
}

impl Error {
    /// For `map_err` on file operations; `action` completes "cannot".
    pub(crate) fn directory(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Directory { action, path, source }
    }
}

/// An error with its causes in one line, leaving out what an outer text already quotes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
