//! `doctor`.

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use super::{Place, text};

/// What it found about something.
fn about<'a>(findings: &'a Value, about: &str) -> &'a Value {
    let all = findings.as_array().unwrap();
    let found = all.iter().find(|finding| finding["about"] == about);
    found.unwrap_or_else(|| panic!("{about} in {findings}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_finds_a_server_well() {
    let place = Place::new().await;
    let server = place.serve().await;
    let findings: Value = serde_json::from_str(&place.told(&["doctor", "--json"])).unwrap();
    for good in [
        "data directory",
        "listening",
        "database",
        "clock",
        "migrations",
        "stored secrets",
        "files",
        "embeddings",
    ] {
        assert_eq!(about(&findings, good)["state"], "good", "{findings}");
    }
    assert!(
        about(&findings, "listening")["found"]
            .as_str()
            .unwrap()
            .contains("a server listens")
    );
    assert_eq!(about(&findings, "mail")["state"], "warning");
    drop(server);
    let told = place.told(&["doctor"]);
    assert!(
        told.contains("is free") && told.contains("→ set OPENCOM_SMTP_URL or RESEND_API_KEY"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_says_what_is_wrong_and_shows_no_secret() {
    let place = Place::new().await;
    drop(place.serve().await);
    let (other_key, smtp) = ("ab".repeat(32), "smtp://ada:do-not-show@127.0.0.1:1?tls=none");
    let output = place.run(
        &["doctor", "--json"],
        &[
            ("OPENCOM_MASTER_KEY", &other_key),
            ("OPENCOM_SMTP_URL", smtp),
            ("OPENCOM_SEARCH_LANGUAGE", "klingon"),
            ("OPENCOM_PUBLIC_URL", "http://chat.example.com"),
            ("OPENCOM_DATABASE_CONNECTIONS", "100000"),
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    for wrong in ["stored secrets", "mail", "search language", "connections"] {
        assert_eq!(about(&findings, wrong)["state"], "wrong", "{findings}");
        assert!(about(&findings, wrong)["remedy"].is_string());
    }
    assert_eq!(about(&findings, "public address")["state"], "warning");
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(!said.contains("do-not-show") && !said.contains(&other_key), "{said}");
    // It put nothing right by itself.
    let findings: Value = serde_json::from_str(&place.told(&["doctor", "--json"])).unwrap();
    assert_eq!(about(&findings, "stored secrets")["state"], "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_makes_no_database_and_no_directory() {
    let place = Place::new().await;
    let directory = place.directory.path().join("none");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_opencom"))
        .args(["doctor", "--json", "--listen", &place.address, "--data-dir"])
        .arg(&directory)
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(about(&findings, "database")["state"], json!("skipped"));
    assert!(!directory.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_compares_the_migrations_and_makes_none() {
    let place = Place::new().await;
    let connection = &mut place.database.connection().await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";
    connection.batch_execute(newer).await.unwrap();
    let found = || {
        let findings: Value = serde_json::from_str(&place.told(&["doctor", "--json"])).unwrap();
        let found = about(&findings, "migrations");
        (found["state"].clone(), found["found"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        found(),
        (
            json!("warning"),
            "the database has 1 that this program does not know".to_owned()
        )
    );
    let older = "DELETE FROM __diesel_schema_migrations WHERE version >= (
        SELECT max(version) FROM __diesel_schema_migrations WHERE version < '9999')";
    connection.batch_execute(older).await.unwrap();
    for _ in 0..2 {
        assert_eq!(found(), (json!("warning"), "1 to come".to_owned()));
    }
}
