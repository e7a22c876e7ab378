//! What becomes of the server when the process that started it is killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use opencom_embedded_postgres::{Options, Postgres};

use crate::{connect, execute, postmaster, public_dir, scalar};

const DATA_DIR: &str = "OPENCOM_TEST_ORPHAN_DATA_DIR";
const DURABLE: &str = "OPENCOM_TEST_ORPHAN_DURABLE";
const READY: &str = "the server is up";

/// Not a test by itself: the other tests run it in a process of its own, to be killed.
#[tokio::test]
async fn process_to_be_killed() {
    let Some(dir) = std::env::var_os(DATA_DIR) else { return };
    let options = if std::env::var_os(DURABLE).is_some() {
        Options::durable(dir)
    } else {
        Options::throw_away(dir)
    };
    let postgres = Postgres::start(options).await.unwrap();
    execute(&postgres, "postgres", "CREATE TABLE kept AS SELECT 'orphan' AS word").await;
    println!("\n{READY} {}", postgres.url("postgres"));
    std::future::pending::<()>().await;
}

/// A process with a running server, and the server's URL.
fn start_elsewhere(dir: &Path, durable: bool) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "orphan::process_to_be_killed", "--nocapture"])
        .env(DATA_DIR, dir)
        .stdout(Stdio::piped());
    if durable {
        command.env(DURABLE, "1");
    }
    let mut child = command.spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let url = output
        .lines()
        .find_map(|line| line.unwrap().strip_prefix(READY).map(|url| url.trim().to_owned()))
        .unwrap();
    (child, url)
}

#[tokio::test]
async fn durable_server_left_behind_is_replaced() {
    let dir = public_dir();
    let (mut child, url) = start_elsewhere(dir.path(), true);
    let error = Postgres::start(Options::durable(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains(&format!("(pid {})", child.id())), "{error}");

    child.kill().unwrap();
    child.wait().unwrap();
    // It lives on, and somebody is still connected.
    let orphan = postmaster(dir.path());
    let (_client, session) = connect(&url).await;

    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    session.await.unwrap();
    assert_ne!(postmaster(dir.path()), orphan);
    assert_eq!(scalar(&postgres, "postgres", "SELECT word FROM kept").await, "orphan");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn throw_away_server_ends_with_its_process() {
    let dir = public_dir();
    let (mut child, url) = start_elsewhere(dir.path(), false);
    let (_client, session) = connect(&url).await;
    child.kill().unwrap();
    child.wait().unwrap();
    // Ends when the server is gone, and would hang otherwise.
    session.await.unwrap();
}

#[tokio::test]
async fn stale_note_of_a_server_is_no_obstacle() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    postgres.stop().await.unwrap();
    // One of a process that exists and has nothing to do with PostgreSQL, as after a restart of the machine.
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let note = dir.path().join("postgres/postmaster.pid");
    std::fs::write(&note, format!("{}\n{}\n", stranger.id(), dir.path().display())).unwrap();

    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT 1").await, "1");
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    postgres.stop().await.unwrap();
}
