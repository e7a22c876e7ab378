//! Starting, stopping, dying and coming back.

use nix::sys::signal::Signal;
use opencom_embedded_postgres::{Error, Options, Postgres, url_of_running};

use crate::{connect, execute, postmaster, public_dir, scalar, send};

#[tokio::test]
async fn durable_server_keeps_its_data_over_a_restart() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT 1").await, "1");
    postgres.ensure_database("opencom").await.unwrap();
    postgres.ensure_database("opencom").await.unwrap();
    execute(&postgres, "opencom", "CREATE TABLE kept AS SELECT 'still here' AS word").await;
    postgres.stop().await.unwrap();
    assert!(
        !dir.path().join("postgres/postmaster.pid").exists(),
        "stopped in good order"
    );

    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    assert_eq!(
        scalar(&postgres, "opencom", "SELECT word FROM kept").await,
        "still here"
    );
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn server_has_the_settings_it_was_asked_for() {
    let dir = public_dir();
    let options = Options {
        max_connections: 17,
        ..Options::throw_away(dir.path())
    };
    let postgres = Postgres::start(options).await.unwrap();
    for (setting, value) in [
        ("max_connections", "17"),
        ("fsync", "off"),
        ("jit", "off"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ] {
        let actual = scalar(&postgres, "postgres", &format!("SELECT current_setting('{setting}')")).await;
        assert_eq!(actual, value, "{setting}");
    }
    assert_eq!(scalar(&postgres, "postgres", "SELECT lower('ÀÉ')").await, "àé");
    let version = scalar(
        &postgres,
        "postgres",
        "SELECT current_setting('server_version_num')::int / 10000",
    )
    .await;
    assert_eq!(postgres.version().major.to_string(), version);
    assert!(postgres.bin_dir().join("postgres").exists());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn databases_may_have_any_name() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    let name = "odd \"name\"/%?";
    postgres.ensure_database(name).await.unwrap();
    assert_eq!(scalar(&postgres, name, "SELECT current_database()").await, name);
    let (first, second) = tokio::join!(postgres.ensure_database("race"), postgres.ensure_database("race"));
    first.unwrap();
    second.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn second_server_on_the_same_directory_is_refused() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    let error = Postgres::start(Options::throw_away(dir.path())).await.unwrap_err();
    let expected = format!(
        "another opencom (pid {}) is using {}; stop it or set OPENCOM_DATA_DIR",
        std::process::id(),
        dir.path().canonicalize().unwrap().display()
    );
    assert_eq!(error.to_string(), expected);
    postgres.stop().await.unwrap();
    let again = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    again.stop().await.unwrap();
}

#[tokio::test]
async fn killed_server_comes_back_with_its_data() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    execute(&postgres, "postgres", "CREATE TABLE kept AS SELECT 42 AS answer").await;
    let first = postmaster(dir.path());
    let (_client, session) = connect(&postgres.url("postgres")).await;

    send(first, Signal::SIGKILL);
    session.await.unwrap();
    postgres.ready().await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT answer FROM kept").await, "42");
    assert_ne!(postmaster(dir.path()), first);

    // And once more: the supervisor goes on watching.
    let (_client, session) = connect(&postgres.url("postgres")).await;
    send(postmaster(dir.path()), Signal::SIGKILL);
    session.await.unwrap();
    postgres.ready().await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT answer FROM kept").await, "42");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn killed_server_comes_back_although_a_session_lingers() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    let (client, session) = connect(&postgres.url("postgres")).await;
    // Busy for ever, without a pause in which it would notice that its postmaster is gone.
    let busy = tokio::spawn(async move {
        let statement = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
        let _ = client.simple_query(statement).await;
    });
    let (observer, _) = connect(&postgres.url("postgres")).await;
    loop {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 1%' \
                     AND pid <> pg_backend_pid()";
        let active: i64 = observer.query_one(query, &[]).await.unwrap().get(0);
        if active == 1 {
            break;
        }
    }
    send(postmaster(dir.path()), Signal::SIGKILL);
    postgres.ready().await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT 1").await, "1");
    busy.await.unwrap();
    session.await.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn dropping_the_handle_ends_the_server() {
    let dir = public_dir();
    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    let pid = postmaster(dir.path());
    drop(postgres);
    assert!(nix::sys::signal::kill(pid, None).is_err(), "the postmaster is gone");
    let postgres = Postgres::start(Options::durable(dir.path())).await.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn start_that_is_called_off_leaves_nothing_behind() {
    let dir = public_dir();
    {
        let start = Postgres::start(Options::throw_away(dir.path()));
        tokio::pin!(start);
        // One poll takes it past the lock and into initdb.
        let once = std::future::poll_fn(|cx| std::task::Poll::Ready(start.as_mut().poll(cx).is_ready()));
        assert!(!once.await);
        let error = Postgres::start(Options::throw_away(dir.path())).await.unwrap_err();
        assert!(matches!(error, Error::Locked { .. }), "{error}");
    }
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    postgres.stop().await.unwrap();
}

#[test]
fn server_outlives_the_runtime_that_started_it() {
    let dir = public_dir();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let postgres = runtime()
        .block_on(Postgres::start(Options::throw_away(dir.path())))
        .unwrap();
    runtime().block_on(async {
        assert_eq!(scalar(&postgres, "postgres", "SELECT 1").await, "1");
        postgres.stop().await.unwrap();
    });
}

#[tokio::test]
async fn a_command_finds_the_server_that_another_process_runs() {
    let dir = public_dir();
    assert_eq!(url_of_running(&dir.path().join("none"), "postgres"), None);
    assert_eq!(url_of_running(dir.path(), "postgres"), None);
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    execute(&postgres, "postgres", "CREATE TABLE kept AS SELECT 7 AS number").await;
    let url = url_of_running(dir.path(), "postgres").unwrap();
    let (client, _session) = connect(&url).await;
    let number: i32 = client.query_one("SELECT number FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(number, 7);
    postgres.stop().await.unwrap();
    assert_eq!(url_of_running(dir.path(), "postgres"), None);
}
