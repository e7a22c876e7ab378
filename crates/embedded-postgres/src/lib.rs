#![doc = include_str!("../README.md")]

mod account;
mod attach;
mod binaries;
mod client;
mod cluster;
mod error;
mod fetch;
mod files;
mod home;
mod server;
mod settings;
mod socket;
mod supervise;
mod takeover;

use std::path::{Path, PathBuf};

use crate::account::Account;
pub use crate::attach::url_of_running;
pub use crate::binaries::Version;
use crate::cluster::Cluster;
pub use crate::error::Error;
use crate::home::Home;
use crate::supervise::Supervisor;

/// What to run and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Holds the cluster, the lock, the socket and the log; created if absent.
    pub data_dir: PathBuf,
    /// Whether data must survive a crash of the machine. `false` trades that for speed and takes the server down with
    /// this process however it ends: for tests.
    pub durable: bool,
    /// Directory with `postgres` and `initdb`; `None` searches the machine.
    pub binaries: Option<PathBuf>,
    /// Account to run the server under when this process is root, since PostgreSQL refuses to run as root. `None` takes
    /// the owner of an existing cluster, else the first of `opencom`, `postgres` and `nobody` that exists. Ignored
    /// when this process is not root.
    pub run_as: Option<String>,
    /// Connections the server accepts at once.
    pub max_connections: u16,
    /// Whether PostgreSQL may be fetched from the internet when the machine has none that suits.
    pub allow_fetch: bool,
}

impl Options {
    /// A durable server in `data_dir`.
    pub fn durable(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durable: true,
            binaries: None,
            run_as: None,
            max_connections: 100,
            allow_fetch: true,
        }
    }

    /// A fast server for tests in `data_dir`, which never fetches anything.
    pub fn throw_away(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            durable: false,
            allow_fetch: false,
            ..Self::durable(data_dir)
        }
    }
}

/// A running server. Restarted when it dies; stopped by [`Postgres::stop`], or the hard way when dropped.
#[derive(Debug)]
pub struct Postgres {
    socket_dir: PathBuf,
    bin_dir: PathBuf,
    version: Version,
    supervisor: Supervisor,
}

impl Postgres {
    /// Starts the server, making the cluster first if there is none, and returns when it answers queries.
    ///
    /// A server that an earlier process left behind in this directory is stopped first.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let data_dir = files::create_data_dir(&options.data_dir)?;
        let lock = files::Lock::acquire(&data_dir)?;
        let account = Account::choose(options.run_as.as_deref(), &data_dir)?;
        let home = Home::locate(&data_dir, &account, options.durable)?;
        home.check_space(options.durable)?;
        let binaries = binaries::find(&options, &home, &account).await?;
        let socket_dir = socket::prepare(&home, &account)?;
        let cluster = Cluster {
            dir: home.cluster,
            binaries,
            account,
            socket_dir,
            log: files::ServerLog::open(&data_dir)?,
            durable: options.durable,
        };
        cluster.prepare(options.max_connections).await?;

        let (socket_dir, bin_dir) = (cluster.socket_dir.clone(), cluster.binaries.dir.clone());
        let version = cluster.binaries.version;
        let supervisor = Supervisor::start(cluster, lock).await?;
        Ok(Self {
            socket_dir,
            bin_dir,
            version,
            supervisor,
        })
    }

    /// URL of a database of this server, for any PostgreSQL client.
    pub fn url(&self, database: &str) -> String {
        client::url(&self.socket_dir, database)
    }

    /// The server's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Where the server's programs are, `pg_dump` and `psql` among them where the installation has them.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// Returns once the server answers queries; at once, unless it is being restarted.
    pub async fn ready(&self) -> Result<(), Error> {
        client::until_ready(&self.socket_dir).await
    }

    /// Creates the database unless it exists.
    pub async fn ensure_database(&self, name: &str) -> Result<(), Error> {
        client::ensure_database(&self.socket_dir, name).await
    }

    /// Ends open sessions, lets the server write everything out, and returns when it is gone.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.supervisor.stop().await
    }
}
