//! The server under test, as its own process, and the database it stands on.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use opencom_contract::visitors::IsOnline;
use opencom_core::id::VisitorId;
use opencom_embedded_postgres::{Options, Postgres};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::{Fault, Settings};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Files that a process opens beside its sockets.
pub(crate) const SPARE_FILES: usize = 200;

/// Where the benchmark keeps its data: a directory of its own that goes with it, or the one that was named.
pub(crate) struct Place {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Place {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Fault> {
        if let Some(path) = &settings.data_dir {
            std::fs::create_dir_all(path)?;
            return Ok(Self {
                path: path.clone(),
                _temporary: None,
            });
        }
        let target = settings.server.parent().unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix("bench-").tempdir_in(target)?;
        Ok(Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A durable PostgreSQL, as a deployer would run one.
pub(crate) async fn database(place: &Place) -> Result<Postgres, Fault> {
    eprintln!("starting PostgreSQL in {}", place.path().display());
    let postgres = Postgres::start(Options::durable(place.path().join("database"))).await?;
    postgres.ensure_database("opencom").await?;
    Ok(postgres)
}

/// How to start the server.
#[derive(Clone, Copy, Default)]
pub(crate) struct Launch<'a> {
    /// Its database; without one it brings its own.
    pub(crate) database: Option<&'a str>,
    /// Where it listens; otherwise anywhere.
    pub(crate) address: Option<&'a str>,
    /// Further flags.
    pub(crate) flags: &'a [&'a str],
}

impl<'a> Launch<'a> {
    /// A server that answers calls and does nothing else: jobs would run beside the load and be measured with it.
    pub(crate) fn calls(database: &'a str) -> Self {
        Self {
            database: Some(database),
            address: None,
            flags: &["--role", "api"],
        }
    }
}

/// A running server.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: String,
}

impl Gateway {
    /// Starts the server.
    pub(crate) async fn start(settings: &Settings, place: &Place, launch: Launch<'_>) -> Result<Self, Fault> {
        let address = match launch.address {
            Some(address) => address.to_owned(),
            None => TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string(),
        };
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(place.path().join("gateway.log"))?;
        let mut command = Command::new(&settings.server);
        command
            .args(["--listen", &address, "--data-dir"])
            .arg(place.path().join("gateway"))
            .args(launch.flags)
            .env_remove("DATABASE_URL")
            .env_remove("AI_GATEWAY_API_KEY")
            .env("OPENCOM_RATE_LIMITS", "off")
            .env("ENFORCE_WEBHOOK_SIGNATURES", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        if let Some(url) = launch.database {
            command.args(["--database-url", url]);
        }
        let mut gateway = Self {
            child: command.spawn()?,
            address,
        };
        gateway.ready().await?;
        Ok(gateway)
    }

    /// Waits until calls are answered.
    pub(crate) async fn ready(&mut self) -> Result<(), Fault> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended with {status}; see gateway.log").into());
            }
            // A public query that reads a table.
            let probe = IsOnline::builder().visitor_id(VisitorId::generate()).build();
            if let Ok(mut client) = Client::connect(&self.address, None).await
                && client.call(&probe).await.is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server did not answer in time; see gateway.log".into())
    }

    /// Bytes of memory that it occupies; known on Linux.
    pub(crate) fn resident(&self) -> Result<u64, Fault> {
        let status = self.proc("status")?;
        let kibibytes: u64 = field(&status, "VmRSS:").ok_or("no VmRSS")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// Fails where the server may not open so many sockets.
    pub(crate) fn expect_room_for(&self, sockets: usize) -> Result<(), Fault> {
        let limits = self.proc("limits")?;
        match field(&limits, "Max open files")
            .ok_or("no limit of open files")?
            .parse::<usize>()
        {
            Ok(limit) if sockets + SPARE_FILES > limit => {
                Err(format!("the server may open {limit} files, which is too few for {sockets} sockets").into())
            }
            // Or "unlimited".
            _ => Ok(()),
        }
    }

    fn proc(&self, file: &str) -> Result<String, Fault> {
        let pid = self.child.id().ok_or("the server has ended")?;
        Ok(std::fs::read_to_string(format!("/proc/{pid}/{file}"))?)
    }

    /// Stops it as an operator does, and waits until its database is down too.
    pub(crate) async fn stop(mut self) -> Result<(), Fault> {
        if let Some(pid) = self.child.id() {
            std::process::Command::new("kill")
                .args(["-TERM", &pid.to_string()])
                .status()?;
        }
        self.child.wait().await?;
        Ok(())
    }

    /// Stops it at once, as a power cut would.
    pub(crate) async fn kill(mut self) -> Result<(), Fault> {
        self.child.kill().await?;
        Ok(())
    }
}

/// The first word after a name at the beginning of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))?
        .split_whitespace()
        .next()
}
