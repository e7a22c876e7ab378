//! The whole crate against real servers. Run as root too: that is where accounts and permissions come in.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod binaries;
mod directory;
mod lifecycle;
mod orphan;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use opencom_embedded_postgres::Postgres;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

/// A directory that the server's account can enter, which temporary ones are not by themselves.
fn public_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

/// A session, and the task that ends when the server cuts it off.
async fn connect(url: &str) -> (Client, JoinHandle<()>) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let session = tokio::spawn(async move {
        let _ = connection.await;
    });
    (client, session)
}

async fn scalar(postgres: &Postgres, database: &str, query: &str) -> String {
    let (client, _) = connect(&postgres.url(database)).await;
    client
        .query_one(&format!("SELECT ({query})::text"), &[])
        .await
        .unwrap()
        .get(0)
}

async fn execute(postgres: &Postgres, database: &str, statements: &str) {
    let (client, _) = connect(&postgres.url(database)).await;
    client.batch_execute(statements).await.unwrap();
}

fn postmaster(data_dir: &Path) -> Pid {
    let note = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap();
    Pid::from_raw(note.lines().next().unwrap().trim().parse().unwrap())
}

fn send(pid: Pid, signal: Signal) {
    kill(pid, signal).unwrap();
}
