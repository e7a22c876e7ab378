//! The server under test, as its own process, and the database it stands on.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use opencom_contract::auth::{CurrentUser, SignIn, SignInParams, SignInResult};
use opencom_contract::visitors::IsOnline;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_embedded_postgres::{Options, Postgres};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::{Fault, Settings};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A running server.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: String,
}

impl Gateway {
    /// Starts the server. Without `database` it brings its own.
    pub(crate) async fn start(
        settings: &Settings,
        place: &Place,
        database: Option<&str>,
        address: Option<&str>,
    ) -> Result<Self, Fault> {
        let address = match address {
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
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        if let Some(url) = database {
            // Jobs would run beside the load and be measured with it.
            command.args(["--database-url", url, "--role", "api"]);
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
            let probe = IsOnline {
                visitor_id: VisitorId::generate(),
            };
            if let Ok(mut client) = Client::connect(&self.address, None).await
                && client.call(&probe).await.is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server did not answer in time; see gateway.log".into())
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

/// An agent of a new workspace.
pub(crate) struct Agent {
    pub(crate) token: String,
    pub(crate) workspace_id: WorkspaceId,
}

/// Signs an agent up.
pub(crate) async fn sign_up(address: &str, name: &str) -> Result<Agent, Fault> {
    let params = SignInParams {
        flow: Some("signUp".to_owned()),
        email: Some(format!("{name}@example.com")),
        password: Some("correct horse battery".to_owned()),
        name: Some(name.to_owned()),
        ..SignInParams::default()
    };
    let request = SignIn {
        provider: Some("password".to_owned()),
        params: Some(params),
        ..SignIn::default()
    };
    let SignInResult::Tokens { tokens: Some(tokens) } = Client::connect(address, None).await?.call(&request).await?
    else {
        return Err("signing up gave no tokens".into());
    };
    let me = Client::connect(address, Some(&tokens.token))
        .await?
        .call(&CurrentUser {})
        .await?;
    let workspace_id = me
        .and_then(|me| me.user.workspace_id)
        .ok_or("signing up gave no workspace")?;
    Ok(Agent {
        token: tokens.token,
        workspace_id,
    })
}
