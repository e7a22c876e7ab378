//! Programs that are missing, too old or the wrong ones for the cluster.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use opencom_embedded_postgres::{Error, Options, Postgres};

use crate::public_dir;

/// Programs that do no more than tell a version.
fn pretend(dir: &Path, version: &str) {
    fs::create_dir_all(dir).unwrap();
    for program in ["postgres", "initdb"] {
        let path = dir.join(program);
        fs::write(&path, format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
}

async fn refusal(options: Options) -> String {
    let error = Postgres::start(options).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn missing_programs_are_explained() {
    let dir = public_dir();
    let empty = dir.path().join("empty");
    let text = refusal(Options {
        binaries: Some(empty.clone()),
        ..Options::durable(dir.path().join("data"))
    })
    .await;
    assert!(
        text.starts_with("no PostgreSQL 14 or newer to run: none was found"),
        "{text}"
    );
    assert!(text.contains(&*empty.to_string_lossy()), "{text}");
    for advice in ["package manager", "OPENCOM_POSTGRES_BIN", "DATABASE_URL"] {
        assert!(text.contains(advice), "{text}");
    }
}

#[tokio::test]
async fn old_programs_are_refused() {
    let dir = public_dir();
    let old = dir.path().join("old/bin");
    pretend(&old, "13.4 (Debian 13.4-1)");
    let text = refusal(Options {
        binaries: Some(dir.path().join("old")),
        ..Options::durable(dir.path().join("data"))
    })
    .await;
    let old = old.canonicalize().unwrap();
    assert!(
        text.contains(&format!("13.4 in {} is too old", old.display())),
        "{text}"
    );
}

#[tokio::test]
async fn cluster_of_another_version_is_left_alone() {
    let dir = public_dir();
    let data = dir.path().join("data");
    Postgres::start(Options::throw_away(&data))
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    let version = data.join("postgres/PG_VERSION");
    fs::write(&version, "99\n").unwrap();
    let error = Postgres::start(Options::throw_away(&data)).await.unwrap_err();
    assert!(matches!(error, Error::ClusterVersion { major: 99, .. }), "{error}");
    assert!(error.to_string().contains("pg_upgrade"), "{error}");
    assert!(error.to_string().contains("fetching is switched off"), "{error}");
}

#[tokio::test]
async fn failing_initdb_is_quoted() {
    let dir = public_dir();
    let broken = dir.path().join("broken");
    pretend(&broken, "16.1");
    fs::write(
        broken.join("initdb"),
        "#!/bin/sh\necho 'initdb: no luck today' >&2\nexit 3\n",
    )
    .unwrap();
    let text = refusal(Options {
        binaries: Some(broken),
        ..Options::throw_away(dir.path().join("data"))
    })
    .await;
    assert!(text.contains("initdb: no luck today"), "{text}");
    assert!(text.contains("exit status: 3"), "{text}");
    let left: Vec<_> = fs::read_dir(dir.path().join("data")).unwrap().collect();
    assert!(
        left.iter()
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().starts_with("postgres.new")),
        "{left:?}"
    );
}

#[tokio::test]
async fn server_that_ends_while_starting_is_quoted() {
    let dir = public_dir();
    let data = dir.path().join("data");
    Postgres::start(Options::throw_away(&data))
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    fs::write(data.join("postgres/postgresql.auto.conf"), "no_such_setting = on\n").unwrap();
    let text = refusal(Options::throw_away(&data)).await;
    assert!(
        text.contains("PostgreSQL ended while starting (exit status: 1)"),
        "{text}"
    );
    assert!(text.contains("no_such_setting"), "{text}");
    assert!(text.contains("postgres.log"), "{text}");
}
