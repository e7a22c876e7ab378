//! What operators do with a database: they back it up and restore it, and they bring a new version up beside the old one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use opencom_testkit::Database;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Server, THREAD, chat, free_address, thread};

#[derive(QueryableByName, Debug, PartialEq)]
struct Count {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows each table has.
async fn counts(database: &Database) -> Vec<Count> {
    let connection = &mut database.connection().await;
    let tables: Vec<Count> = diesel::sql_query(
        "SELECT relname::text AS name, 0::bigint AS rows FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    )
    .load(connection)
    .await
    .unwrap();
    let each: Vec<String> = (tables.iter())
        .map(|table| format!("SELECT '{0}' AS name, count(*) AS rows FROM {0}", table.name))
        .collect();
    diesel::sql_query(format!("{} ORDER BY name", each.join(" UNION ALL ")))
        .load(connection)
        .await
        .unwrap()
}

/// Runs a program of PostgreSQL.
async fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(Database::programs().await.join(program))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
}

/// A visitor's file in a message of its own; gives its address.
async fn send_file(server: &Server, conversation: &Value, session: &Value, bytes: &'static str) -> String {
    let by_visitor = |more: Value| {
        let mut arguments = json!({ "sessionToken": session });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    let visitor = json!({ "id": conversation, "sessionToken": session });
    let conversation_now = server.call("query", "conversations:get", visitor, None).await;
    let workspace = &conversation_now["workspaceId"];
    let arguments = by_visitor(json!({ "workspaceId": workspace }));
    let address = server
        .call("mutation", "supportAttachments:generateUploadUrl", arguments, None)
        .await;
    let request = server
        .client
        .post(address.as_str().unwrap())
        .header("Content-Type", "text/plain");
    let stored = request.body(bytes).send().await.unwrap().text().await.unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let arguments = by_visitor(json!({
        "workspaceId": workspace, "storageId": stored["storageId"], "fileName": "notes.txt",
    }));
    let staged = server
        .call("mutation", "supportAttachments:finalizeUpload", arguments, None)
        .await;
    let arguments = by_visitor(json!({
        "conversationId": conversation, "senderId": "v", "senderType": "visitor", "content": "See these",
        "attachmentIds": [staged["attachmentId"]],
    }));
    server.call("mutation", "messages:send", arguments, None).await;
    file_address(server, conversation, session).await
}

/// The address of the file in the last message.
async fn file_address(server: &Server, conversation: &Value, session: &Value) -> String {
    let arguments = json!({ "conversationId": conversation, "sessionToken": session });
    let messages = server.call("query", "messages:list", arguments, None).await;
    let last = messages.as_array().unwrap().last().unwrap();
    last["attachments"][0]["url"].as_str().unwrap().to_owned()
}

/// Copies what the data directory keeps beside the database: files, and the master key.
fn copy_data(from: &Path, to: &Path) {
    std::fs::copy(from.join("master.key"), to.join("master.key")).unwrap();
    let status = Command::new("cp")
        .arg("-R")
        .arg(from.join("files"))
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_the_files_and_the_master_key_bring_everything_back() {
    let (database, directory, address) = (Database::create().await, TempDir::new().unwrap(), free_address());
    let mut server = Server::start_on(&database, directory.path(), &address).await;
    let (conversation, session) = chat(&server).await;
    send_file(&server, &conversation, &session, "what went wrong").await;
    server.terminate();
    assert!(server.ends_well());

    let backup = TempDir::new().unwrap();
    let dump = backup.path().join("opencom.dump");
    let dump = dump.to_str().unwrap();
    run("pg_dump", &["--format=custom", "--file", dump, database.url()]).await;
    copy_data(directory.path(), backup.path());

    let (restored, elsewhere) = (Database::empty().await, TempDir::new().unwrap());
    let into = format!("--dbname={}", restored.url());
    run(
        "pg_restore",
        &["--no-owner", "--exit-on-error", "--single-transaction", &into, dump],
    )
    .await;
    copy_data(backup.path(), elsewhere.path());
    assert_eq!(counts(&restored).await, counts(&database).await);

    let server = Server::start_on(&restored, elsewhere.path(), &address).await;
    let said = thread(&server, &conversation, &session).await;
    assert_eq!(said, [&THREAD[..], &["See these"]].concat());
    let file = file_address(&server, &conversation, &session).await;
    let file = server.client.get(file).send().await.unwrap().text().await.unwrap();
    assert_eq!(file, "what went wrong");
    // Whoever had a password has it still, and what was sealed can be opened.
    let sign_in = json!({ "provider": "password", "params": {
        "flow": "signIn", "email": "ada@example.com", "password": "correct horse",
    }});
    let tokens = server.call("action", "auth:signIn", sign_in, None).await;
    let token = tokens["tokens"]["token"].as_str();
    let me = server.call("query", "auth:currentUser", json!({}), token).await;
    assert_eq!(me["user"]["email"], "ada@example.com");
}

/// What a next version's migration may do while this one runs: it adds.
const EXPAND: &str = "
    ALTER TABLE messages ADD COLUMN mood text, ADD COLUMN weight integer NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN mood text;
    CREATE TABLE moods (id uuid PRIMARY KEY, name text NOT NULL);
    INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231235959');";

/// Goes on sending through these servers, each until it does not answer any more. Gives what was acknowledged.
async fn keep_talking(
    servers: [Arc<Server>; 2],
    conversation: Value,
    session: Value,
    done: Arc<AtomicBool>,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut by = 0;
    for number in 0.. {
        if by == servers.len() || AtomicBool::load(&done, Ordering::Relaxed) {
            break;
        }
        let content = format!("message {number}");
        let send = json!({ "conversationId": conversation, "senderId": "v", "senderType": "visitor",
                           "content": content, "sessionToken": session });
        match servers[by].try_call("mutation", "messages:send", send, None).await {
            Some(_) => acknowledged.push(content),
            None => by += 1,
        }
    }
    acknowledged
}

/// The texts of [`keep_talking`] that are stored.
async fn said_so_far(database: &Database) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Said {
        #[diesel(sql_type = Text)]
        content: String,
    }
    let said = "SELECT content FROM messages WHERE content LIKE 'message %' ORDER BY created_at, id";
    let said: Vec<Said> = diesel::sql_query(said)
        .load(&mut database.connection().await)
        .await
        .unwrap();
    said.into_iter().map(|said| said.content).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_version_comes_up_beside_this_one_and_takes_over() {
    let (database, directory) = (Database::create().await, TempDir::new().unwrap());
    let addresses = [free_address(), free_address()];
    let key = ["--master-key", &"7".repeat(64), "--rate-limits", "off"];
    let start = async |address: &String| {
        let flags = [&key[..], &["--listen", address]].concat();
        Server::start_with(&database, directory.path(), &flags, address).await
    };
    let old = Arc::new(start(&addresses[0]).await);
    let (conversation, session) = chat(&old).await;
    // The next version's migration, while the old one serves, with statements that it has prepared.
    database.connection().await.batch_execute(EXPAND).await.unwrap();
    assert_eq!(thread(&old, &conversation, &session).await, THREAD);
    // A process starts on a database that is ahead of it, as after a way back.
    let new = Arc::new(start(&addresses[1]).await);

    let done = Arc::new(AtomicBool::new(false));
    let servers = [Arc::clone(&old), Arc::clone(&new)];
    let talking = keep_talking(servers, conversation.clone(), session.clone(), Arc::clone(&done));
    let talking = tokio::spawn(talking);
    let stored = async |least: usize| loop {
        let stored = said_so_far(&database).await;
        if stored.len() >= least {
            return stored;
        }
    };
    stored(5).await;
    // The old one is told to go in the middle of it: calls that it took are answered, the rest goes to the new one.
    old.terminate();
    let before = said_so_far(&database).await.len();
    stored(before + 20).await;
    done.store(true, Ordering::Relaxed);
    let acknowledged = talking.await.unwrap();
    assert_eq!(
        said_so_far(&database).await,
        acknowledged,
        "each one that was acknowledged, once and in order"
    );
    assert!(!thread(&new, &conversation, &session).await.is_empty());
}
