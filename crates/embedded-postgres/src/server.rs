//! One run of the server: from spawning it to its end.

use std::io;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{Instant, timeout};

use crate::client;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::takeover;

/// How the server is told to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shutdown {
    /// Sessions are cut off and everything is written out.
    Fast,
    /// At once; the next start recovers.
    Immediate,
}

/// A postmaster that is our child. Dropping it ends it the hard way.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    _leash: Option<Leash>,
}

impl Server {
    /// Starts the server and returns when it answers.
    pub(crate) async fn launch(cluster: &Cluster) -> Result<Self, Error> {
        takeover::clear(cluster).await?;
        let began = Instant::now();
        let mark = cluster.log.len();
        let mut server = Self::spawn(cluster)?;
        tokio::select! {
            // First, lest a probe reach a session that an earlier postmaster left.
            biased;
            status = server.child.wait() => {
                let status = status.map_err(|error| Error::Supervisor(Some(error)))?;
                Err(Error::Exited { status, log: cluster.log.path.clone(), tail: cluster.log.tail(mark) })
            }
            ready = client::until_ready(&cluster.socket_dir) => match ready {
                Ok(()) => {
                    tracing::info!(
                        version = %cluster.binaries.version,
                        pid = server.child.id(),
                        "PostgreSQL is ready after {} ms",
                        began.elapsed().as_millis()
                    );
                    Ok(server)
                }
                Err(Error::NotReady { socket_dir, waited, .. }) => {
                    server.stop(Shutdown::Immediate).await;
                    let log = format!(" {}; its end:\n{}", cluster.log.path.display(), cluster.log.tail(mark));
                    Err(Error::NotReady { socket_dir, waited, log })
                }
                Err(error) => Err(error),
            },
        }
    }

    fn spawn(cluster: &Cluster) -> Result<Self, Error> {
        let program = cluster.binaries.dir.join("postgres");
        let mut command = cluster.account.command(&program);
        command
            .args(crate::settings::arguments(&cluster.dir, &cluster.socket_dir))
            .stdout(cluster.log.writer()?)
            .stderr(cluster.log.writer()?);
        let child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|source| Error::Spawn {
                program,
                account: cluster.account.name.clone(),
                source,
            })?;
        let leash = match child.id() {
            Some(pid) if !cluster.durable => Leash::tie(cluster, pid)
                .inspect_err(|error| tracing::warn!(%error, "the server may outlive this process"))
                .ok(),
            _ => None,
        };
        Ok(Self { child, _leash: leash })
    }

    /// Waits for an end that nobody asked for.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the server, by ever harder means.
    pub(crate) async fn stop(&mut self, how: Shutdown) {
        let steps: &[_] = match how {
            Shutdown::Fast => &[(Signal::SIGINT, 60), (Signal::SIGQUIT, 15), (Signal::SIGKILL, 5)],
            Shutdown::Immediate => &[(Signal::SIGQUIT, 15), (Signal::SIGKILL, 5)],
        };
        for (index, (signal, patience)) in steps.iter().enumerate() {
            if index > 0 {
                tracing::warn!("PostgreSQL does not stop, sending {signal}; the next start will recover");
            }
            self.signal(*signal);
            if timeout(Duration::from_secs(*patience), self.child.wait()).await.is_ok() {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        // No number once the child has been waited for, so this never reaches a stranger.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::SIGQUIT);
    }
}

/// Ends a throw-away server together with this process, even when that is killed and no code of ours runs: a shell that
/// reads from a pipe of ours, which the system closes when we are gone.
#[derive(Debug)]
struct Leash {
    shell: std::process::Child,
    _pipe: Option<ChildStdin>,
}

impl Leash {
    fn tie(cluster: &Cluster, pid: u32) -> io::Result<Self> {
        let mut shell = cluster
            .account
            .command("/bin/sh")
            .args(["-c", "read -r _; kill -QUIT \"$1\"", "sh", &pid.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, _pipe: pipe })
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
