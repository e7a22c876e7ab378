//! `rotate`.

use crate::kit::kit;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use opencom_client::contract::auth::CurrentUser;
use opencom_client::contract::{identity_verification, widget_sessions};
use opencom_client::core::id::WorkspaceId;
use opencom_client::{Client, Error, Tokens};
use opencom_core::auth::seal::MasterKey;
use opencom_gateway::rotate::sealed_columns;
use opencom_runtime::reseal::Found;
use opencom_testkit::Database;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Place, text};
use crate::binary::Server;

/// An agent, and their workspace.
async fn ada(place: &Place) -> (Client, WorkspaceId) {
    let agent = place
        .client()
        .sign_up("ada@example.com", "correct horse", "Ada")
        .await
        .unwrap();
    let me = agent.query(&CurrentUser::default()).await.unwrap().unwrap();
    (agent, me.user.workspace_id.unwrap())
}

/// Whether a token lets somebody in.
async fn is_good(server: &Server, token: &str) -> bool {
    let me = server
        .try_call("query", "auth:currentUser", json!({}), Some(token))
        .await;
    me.is_some_and(|me| !me.is_null())
}

/// How many keys verify tokens.
async fn keys(server: &Server) -> usize {
    let jwks = server
        .client
        .get(format!("{}/.well-known/jwks.json", server.url))
        .send()
        .await
        .unwrap();
    let jwks: Value = serde_json::from_str(&jwks.text().await.unwrap()).unwrap();
    jwks["keys"].as_array().unwrap().len()
}

/// Asks until it is so. Servers look for new keys on their own time.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !so().await {
        assert!(started.elapsed().as_secs() < 60, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_signing_key_signs_nobody_out() {
    let place = Place::new().await;
    let server = place.serve().await;
    let (agent, _) = ada(&place).await;
    let token = agent.tokens().await.unwrap().token;
    let told = place.told(&["rotate", "signing-key"]);
    assert!(told.contains("in 2 minutes"), "{told}");
    until("the new key is not there", async || keys(&server).await == 2).await;
    assert!(is_good(&server, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_signing_key_is_worthless_at_once_and_programs_renew_their_tokens() {
    let place = Place::new().await;
    let server = place.serve().await;
    let (agent, _) = ada(&place).await;
    let token = agent.tokens().await.unwrap().token;
    place.told(&["rotate", "signing-key", "--at-once"]);
    until("the old key is good still", async || !is_good(&server, &token).await).await;
    assert_eq!(keys(&server).await, 1);
    assert!(agent.query(&CurrentUser::default()).await.unwrap().is_some());
    assert_ne!(agent.tokens().await.unwrap().token, token);

    let pem = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/testkit/src/test_key.pem"
    ))
    .unwrap();
    let output = place.run(&["rotate", "signing-key"], &[("JWT_PRIVATE_KEY", &pem)]);
    assert!(!output.status.success() && text(&output.stderr).contains("set another one there"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_on_servers_that_run() {
    let place = Place::new().await;
    let server = place.serve().await;
    let (agent, workspace_id) = ada(&place).await;
    let Tokens { token, .. } = agent.tokens().await.unwrap();
    let boot = json!({ "workspaceId": workspace_id, "sessionId": "s" });
    let booted = server.call("mutation", "widgetSessions:boot", boot, None).await;
    let visitor = booted["sessionToken"].as_str().unwrap().to_owned();
    let validate = widget_sessions::ValidateSessionToken::builder()
        .workspace_id(workspace_id)
        .session_token(visitor)
        .build();
    assert!(is_good(&server, &token).await);
    assert_eq!(
        place.told(&["rotate", "sessions"]),
        "1 sessions of agents have ended.\n"
    );
    until("the agent is in still", async || !is_good(&server, &token).await).await;
    assert!(matches!(
        agent.query(&CurrentUser::default()).await,
        Ok(None) | Err(Error::SignedOut)
    ));
    assert!(place.client().query(&validate).await.unwrap().valid);

    let told = place.told(&["rotate", "sessions", "--visitors"]);
    assert_eq!(told, "0 sessions of agents and 1 of visitors have ended.\n");
    until("the visitor is in still", async || {
        !place.client().query(&validate).await.unwrap().valid
    })
    .await;
    place
        .client()
        .sign_in("ada@example.com", "correct horse")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_key_in_the_data_directory_opens_all_that_was_sealed() {
    let place = Place::new().await;
    let server = place.serve().await;
    let (agent, workspace_id) = ada(&place).await;
    let enable = identity_verification::Enable::builder()
        .workspace_id(workspace_id)
        .build();
    let secret = agent.mutation(&enable).await.unwrap().secret;
    let Tokens { token, refresh_token } = agent.tokens().await.unwrap();
    drop(server);
    let file = place.directory.path().join("master.key");
    let lines = || {
        std::fs::read_to_string(&file)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = lines();

    let told = place.told(&["rotate", "master-key"]);
    assert!(told.contains("Restart every server"), "{told}");
    let during = lines();
    assert_eq!((during.len(), &during[1]), (2, &before[0]));
    let server = place.serve().await;
    assert!(is_good(&server, &token).await);
    let told = place.told(&["rotate", "master-key"]);
    assert!(
        told.starts_with("2 secrets are under") && told.contains(", 0 under an earlier one"),
        "{told}"
    );
    assert!(!told.contains(&during[0]) && !told.contains(&during[1]));
    let told = place.told(&["rotate", "master-key", "--forget"]);
    assert!(told.contains("has one key now"), "{told}");
    assert_eq!(lines(), during[..1]);
    drop(server);

    let server = place.serve().await;
    let agent = place.client().with_tokens(Tokens { token, refresh_token });
    let get = identity_verification::GetSecret::builder()
        .workspace_id(workspace_id)
        .build();
    assert_eq!(Some(agent.query(&get).await.unwrap().unwrap().secret), secret);
    drop(server);

    let output = place.run(&["rotate", "master-key", "--forget"], &[]);
    assert!(!output.status.success() && text(&output.stderr).contains("no earlier key to forget"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_key_from_the_environment_is_told_step_by_step() {
    let place = Place::new().await;
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    let before = [("OPENCOM_MASTER_KEY", old.as_str())];
    let during = [
        ("OPENCOM_MASTER_KEY", new.as_str()),
        ("OPENCOM_MASTER_KEY_PREVIOUS", old.as_str()),
    ];
    let after = [("OPENCOM_MASTER_KEY", new.as_str())];
    assert!(
        place
            .run(&["seed-demo", "--conversations", "1"], &before)
            .status
            .success()
    );
    let output = place.run(&["rotate", "master-key"], &before);
    assert!(!output.status.success() && text(&output.stderr).contains("set it as OPENCOM_MASTER_KEY"));
    let doctor = |keys: &[(&str, &str)]| {
        let output = place.run(&["doctor", "--json"], keys);
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = findings.as_array().unwrap();
        let found = all.iter().find(|finding| finding["about"] == "stored secrets").unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(doctor(&after), "wrong");
    assert_eq!(doctor(&during), "warning");
    let output = place.run(&["rotate", "master-key"], &during);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Take OPENCOM_MASTER_KEY_PREVIOUS away"));
    assert_eq!(doctor(&after), "good");
    // A key that has nothing to do with the database is noticed.
    let unknown = "ef".repeat(32);
    let keys = [
        ("OPENCOM_MASTER_KEY", unknown.as_str()),
        ("OPENCOM_MASTER_KEY_PREVIOUS", old.as_str()),
    ];
    let output = place.run(&["rotate", "master-key"], &keys);
    let said = text(&output.stderr);
    assert!(
        !output.status.success() && said.contains("open under none of the keys"),
        "{said}"
    );
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}

#[tokio::test]
async fn every_column_of_sealed_secrets_is_sealed_anew() {
    let kit = kit().await;
    let columns: Vec<Column> = diesel::sql_query(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed' ORDER BY name",
    )
    .load(&mut kit.connection().await)
    .await
    .unwrap();
    let mut known: Vec<String> = sealed_columns(&kit.contexts)
        .iter()
        .map(|sealed| format!("{}.{}", sealed.table, sealed.column))
        .collect();
    known.sort();
    assert_eq!(columns.into_iter().map(|column| column.name).collect::<Vec<_>>(), known);
}

#[tokio::test]
async fn many_secrets_are_sealed_anew_and_strangers_left_alone() {
    let database = Database::create().await;
    let connection = &mut database.connection().await;
    let (old, new, other) = ([1; 32], [2; 32], [3; 32]);
    let under = |bytes| MasterKey::new(&bytes).unwrap();
    let place = opencom_runtime::requests::SEALED;
    // Several answers for each client, more clients than go into one transaction, and one whose key is lost.
    for (client, key) in (0..450).map(|client| (client, if client == 449 { under(other) } else { under(old) })) {
        let session = Uuid::from_u128(client + 1);
        let sealed = key.seal_text(place.purpose, &format!("{client}")).unwrap();
        diesel::sql_query(
            "INSERT INTO sync_requests (session_id, request_id, ts, result_sealed, created_at)
             SELECT $1, number, number, $2, now() FROM generate_series(1, 3) AS number",
        )
        .bind::<diesel::sql_types::Uuid, _>(session)
        .bind::<diesel::sql_types::Bytea, _>(sealed)
        .execute(connection)
        .await
        .unwrap();
    }
    let changed = under(new).and_previous(&old).unwrap();
    let before = Found {
        current: 0,
        earlier: 449 * 3,
        unknown: 3,
    };
    assert_eq!(place.look(connection, &changed).await.unwrap(), before);
    place.renew(connection, &changed).await.unwrap();
    let after = Found {
        current: 449 * 3,
        earlier: 0,
        unknown: 3,
    };
    assert_eq!(place.look(connection, &under(new)).await.unwrap(), after);
    assert_eq!(place.look(connection, &under(other)).await.unwrap().current, 3);
}
