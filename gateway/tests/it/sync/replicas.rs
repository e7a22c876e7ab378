//! Two servers on one database: what happens on one is seen on the other, also when they could not talk for a while.

use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use opencom_testkit::Nobody;
use serde_json::json;

use super::chat::{Chat, GREETING, contents};
use super::notes;
use super::socket::{PATIENCE, Socket, mutation};

/// Cuts the connections of both buses, once both are there.
async fn cut_buses(connection: &mut AsyncPgConnection) {
    #[derive(diesel::QueryableByName)]
    struct Cut {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let cut = "WITH buses AS (SELECT pid, count(*) OVER () AS count FROM pg_stat_activity
                              WHERE datname = current_database() AND query LIKE 'LISTEN%')
               SELECT count(pg_terminate_backend(pid)) FROM buses WHERE count = 2";
    let both = async {
        loop {
            let row: Cut = diesel::sql_query(cut).get_result(connection).await.unwrap();
            if row.count == 2 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("two buses");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_on_one_server_is_seen_on_the_other() {
    let chat = Chat::start().await;
    let elsewhere = chat.wire.replica().await;
    tokio::join!(chat.wire.join_bus(), elsewhere.join_bus());
    let mut reader = Socket::npm(&elsewhere.url).await;
    reader.add(0, "messages:list", chat.list()).await;
    reader.until(0, |list| contents(list) == [GREETING]).await;
    let mut writer = Socket::npm(&chat.wire.url).await;
    let mut expected = vec![GREETING.to_owned()];
    for request in 0..10 {
        let text = format!("message {request}");
        writer.mutate(request, "messages:send", chat.send(&text)).await;
        writer.settled(request).await;
        expected.push(text);
        reader.until(0, |list| contents(list) == expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_stale_after_the_bus_was_cut() {
    let chat = Chat::start().await;
    let elsewhere = chat.wire.replica().await;
    tokio::join!(chat.wire.join_bus(), elsewhere.join_bus());
    let mut reader = Socket::npm(&elsewhere.url).await;
    reader.add(0, "messages:list", chat.list()).await;
    reader.until(0, |list| contents(list) == [GREETING]).await;
    let connection = &mut chat.wire.kit.connection().await;
    let mut expected = vec![GREETING.to_owned()];
    for round in 0..3 {
        cut_buses(connection).await;
        let text = format!("while it was down, {round}");
        chat.answer(&text).await;
        expected.push(text);
        reader.until(0, |list| contents(list) == expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_changes_servers_sees_its_own_write_at_once() {
    let (wire, _) = notes::serve().await;
    let elsewhere = wire.replica().await;
    tokio::join!(wire.join_bus(), elsewhere.join_bus());
    // Keeps the list alive over there, so that a remembered result could be shown.
    let mut reader = Socket::npm(&elsewhere.url).await;
    reader.add(0, "notes:list", json!({ "book": "b" })).await;
    reader.caught_up().await;
    let mut expected = Vec::new();
    for request in 0..20 {
        let text = format!("note {request}");
        let mut socket = Socket::npm(&wire.url).await;
        socket
            .mutate(request, "notes:add", json!({ "book": "b", "text": text }))
            .await;
        socket.settled(request).await;
        expected.push(text.clone());
        let (session, observed) = (socket.session.clone(), socket.seen.ts);
        drop(socket);

        let mut socket = Socket::open(&elsewhere.url, super::socket::NPM, &[]).await;
        let hello = json!({ "type": "Connect", "sessionId": session, "connectionCount": 1, "lastCloseReason": null,
                            "maxObservedTimestamp": opencom_core::auth::token::base64_u64(observed) });
        let list = super::socket::add(0, "notes:list", json!({ "book": "b" }));
        let again = mutation(request, "notes:add", json!({ "book": "b", "text": text }));
        let burst = [hello, socket.modify(json!([list])), again];
        socket.send_together(burst).await;
        socket.settled(request).await;
        assert!(socket.seen.ts >= observed);
        assert_eq!(socket.results[&0]["value"], json!(expected));
    }
    let stored = wire
        .kit
        .call_json(&Nobody, "notes:list", json!({ "book": "b" }))
        .await
        .unwrap();
    assert_eq!(stored, json!(expected));
}
