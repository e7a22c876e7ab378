//! Data directories of all kinds.

use std::error::Error as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use nix::unistd::Uid;
use opencom_embedded_postgres::{Error, Options, Postgres};

use crate::{execute, public_dir, scalar};

#[tokio::test]
async fn unwritable_directory_is_explained() {
    let dir = public_dir();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let data = file.join("data");
    let error = Postgres::start(Options::durable(&data)).await.unwrap_err();
    let expected = format!(
        "cannot create the data directory {}; make it accessible to this user, or set OPENCOM_DATA_DIR to another directory",
        data.display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.source().unwrap().to_string().contains("Not a directory"));
}

#[tokio::test]
async fn private_directory_works() {
    let parent = public_dir();
    fs::set_permissions(parent.path(), Permissions::from_mode(0o700)).unwrap();
    let data = parent.path().join("data");
    let postgres = Postgres::start(Options::throw_away(&data)).await.unwrap();
    execute(&postgres, "postgres", "CREATE TABLE kept AS SELECT 7 AS number").await;
    postgres.stop().await.unwrap();
    let postgres = Postgres::start(Options::throw_away(&data)).await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT number FROM kept").await, "7");
    postgres.stop().await.unwrap();
    if !Uid::effective().is_root() {
        return;
    }
    let elsewhere = fs::read_link(data.join("postgres")).unwrap();
    assert!(elsewhere.exists());
    drop(parent);

    // The next one to need the place clears away what its owner can no longer ask for.
    let parent = public_dir();
    fs::set_permissions(parent.path(), Permissions::from_mode(0o700)).unwrap();
    let postgres = Postgres::start(Options::throw_away(parent.path())).await.unwrap();
    postgres.stop().await.unwrap();
    assert!(!elsewhere.exists());
    let elsewhere = fs::read_link(parent.path().join("postgres")).unwrap();
    fs::remove_dir_all(elsewhere.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn lost_cluster_behind_a_link_is_not_replaced_by_an_empty_one() {
    let dir = public_dir();
    let gone = dir.path().join("gone/postgres");
    std::os::unix::fs::symlink(&gone, dir.path().join("postgres")).unwrap();
    let error = Postgres::start(Options::durable(dir.path())).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error}");
    assert!(
        error.to_string().contains("gone/postgres, which does not exist"),
        "{error}"
    );
}

#[tokio::test]
async fn foreign_files_are_not_touched() {
    let dir = public_dir();
    let cluster = dir.path().join("postgres");
    fs::create_dir(&cluster).unwrap();
    fs::write(cluster.join("notes.txt"), "mine").unwrap();
    let error = Postgres::start(Options::durable(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains("it holds files but no database"), "{error}");
    assert_eq!(fs::read_to_string(cluster.join("notes.txt")).unwrap(), "mine");
}

#[tokio::test]
async fn long_and_odd_path_works() {
    let dir = public_dir();
    let data = dir.path().join("a, b \"c\" 'é' %".repeat(4)).join("d".repeat(120));
    let postgres = Postgres::start(Options::throw_away(&data)).await.unwrap();
    assert_eq!(scalar(&postgres, "postgres", "SELECT 1").await, "1");
    postgres.stop().await.unwrap();

    let data = dir.path().join("a, b \"c\" é %");
    let postgres = Postgres::start(Options::throw_away(&data)).await.unwrap();
    assert!(postgres.url("postgres").contains("postgres-run"));
    assert_eq!(scalar(&postgres, "postgres", "SELECT 1").await, "1");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn as_root_the_cluster_follows_the_account() {
    if !Uid::effective().is_root() {
        return;
    }
    let dir = public_dir();
    let run_as = |name: &str| Options {
        run_as: Some(name.to_owned()),
        ..Options::throw_away(dir.path())
    };
    let owner = || {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(dir.path().join("postgres/base")).unwrap().uid()
    };
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid.as_raw();
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    execute(&postgres, "postgres", "CREATE TABLE kept AS SELECT 7 AS number").await;
    postgres.stop().await.unwrap();
    let postgres = Postgres::start(run_as("nobody")).await.unwrap();
    assert_eq!(owner(), nobody);
    assert!(postgres.url("postgres").contains("postgres-run"));
    postgres.stop().await.unwrap();
    // With no word on the account, the owner stays.
    let postgres = Postgres::start(Options::throw_away(dir.path())).await.unwrap();
    assert_eq!(owner(), nobody);
    assert_eq!(scalar(&postgres, "postgres", "SELECT number FROM kept").await, "7");
    postgres.stop().await.unwrap();

    let error = Postgres::start(run_as("no-such-account")).await.unwrap_err();
    assert!(matches!(error, Error::NoAccount { .. }), "{error}");
}
