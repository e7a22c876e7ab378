//! Keeps the server running, on a thread of its own.

use std::pin::pin;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Cluster;
use crate::error::{Error, chain};
use crate::files::Lock;
use crate::server::{Server, Shutdown};

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a first start waits for sessions that outlived a killed server.
const STRAGGLERS: Duration = Duration::from_secs(30);
/// How long a stop waits for a server that is just coming back.
const LAST_LAUNCH: Duration = Duration::from_secs(10);

/// The caller's end of the thread.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Dropping it asks for the immediate end.
    shutdown: Option<oneshot::Sender<Shutdown>>,
    gone: Option<oneshot::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the thread and returns when the server answers. The lock is held until the server is gone.
    pub(crate) async fn start(cluster: Cluster, lock: Lock) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Supervisor(Some(error)))?;
        let (ready, started) = oneshot::channel();
        let (shutdown, asked) = oneshot::channel();
        let (last, gone) = oneshot::channel();
        // What the thread logs belongs to the caller's subscriber, which in tests is often not the global one.
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let thread = std::thread::Builder::new()
            .name("postgres-supervisor".to_owned())
            .spawn(move || {
                let _guard = tracing::dispatcher::set_default(&dispatch);
                runtime.block_on(supervise(&cluster, ready, asked));
                // A short-named one under a temporary directory would stay there for ever.
                let _ = std::fs::remove_dir(&cluster.socket_dir);
                drop(lock);
                let _ = last.send(());
            })
            .map_err(|error| Error::Supervisor(Some(error)))?;
        // Made before waiting, so that a start that is called off ends the server.
        let supervisor = Self {
            shutdown: Some(shutdown),
            gone: Some(gone),
            thread: Some(thread),
        };
        started.await.map_err(|_| Error::Supervisor(None))??;
        Ok(supervisor)
    }

    /// Stops the server in good order and waits for it to be gone.
    pub(crate) async fn stop(&mut self) -> Result<(), Error> {
        let (Some(shutdown), Some(gone)) = (self.shutdown.take(), self.gone.take()) else {
            return Ok(());
        };
        // If nobody listens any more, the next line says so.
        let _ = shutdown.send(Shutdown::Fast);
        gone.await.map_err(|_| Error::Supervisor(None))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        // Waiting matters: the process may be about to end, and with it the thread that has to send the signal. An
        // immediate end takes some milliseconds.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn supervise(
    cluster: &Cluster,
    ready: oneshot::Sender<Result<(), Error>>,
    mut asked: oneshot::Receiver<Shutdown>,
) {
    let first = tokio::select! {
        first = launch_first(cluster) => first,
        // Dropping the launch ends the server.
        _ = &mut asked => return,
    };
    let mut server = match first {
        Ok(server) => server,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    loop {
        tokio::select! {
            how = &mut asked => return stop(server, how.unwrap_or(Shutdown::Immediate)).await,
            status = server.ended() => match status {
                Ok(status) => tracing::error!(%status, log = %cluster.log.path.display(), "PostgreSQL died, restarting it"),
                Err(error) => tracing::error!(%error, "lost sight of PostgreSQL, restarting it"),
            },
        }
        let mut launch = pin!(relaunch(cluster));
        server = tokio::select! {
            server = &mut launch => server,
            how = &mut asked => {
                // It may have answered others before it answered us, and then it ends in good order. Dropping the launch
                // ends it in any case.
                if let Ok(how) = how && let Ok(server) = timeout(LAST_LAUNCH, launch).await {
                    stop(server, how).await;
                }
                return;
            }
        };
    }
}

async fn stop(mut server: Server, how: Shutdown) {
    server.stop(how).await;
    tracing::info!(?how, "PostgreSQL has stopped");
}

/// Sessions of a server that was killed may still be ending; PostgreSQL refuses to start beside them.
async fn launch_first(cluster: &Cluster) -> Result<Server, Error> {
    let deadline = Instant::now() + STRAGGLERS;
    let mut pause = SHORTEST_PAUSE;
    loop {
        match Server::launch(cluster).await {
            Err(Error::Exited { tail, .. }) if tail.contains("still in use") && Instant::now() < deadline => {
                tracing::info!("waiting for sessions of an earlier PostgreSQL server to end");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            other => return other,
        }
    }
}

/// Tries until it works: whatever is in the way, from stragglers to a full disk, may be put right while we wait.
async fn relaunch(cluster: &Cluster) -> Server {
    let mut pause = SHORTEST_PAUSE;
    loop {
        match Server::launch(cluster).await {
            Ok(server) => return server,
            Err(error) => {
                let (pause_ms, causes) = (pause.as_millis(), chain(&error));
                tracing::error!("cannot restart PostgreSQL, trying again in {pause_ms} ms: {causes}");
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
