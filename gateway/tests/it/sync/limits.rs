//! Limits on the sync socket: a live query counts once, and a refused one comes back by itself.

use serde_json::{Value, json};

use super::socket::{Socket, mutation};
use crate::limits::limited;

fn is_refused(outcome: &Value) -> bool {
    outcome["errorData"]["code"] == "RATE_LIMITED"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_search_counts_once_and_a_refused_one_runs_when_it_may() {
    let wire = limited("search=2/1").await;
    let workspace = wire.kit.workspace().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.authenticate(Some(&wire.token(&workspace.owner))).await;
    let search = |query: &str| json!({ "workspaceId": workspace.id, "query": query });
    socket.add(0, "visitors:search", search("ada")).await;
    socket.until(0, |found| found["value"] == json!([])).await;
    // Found by the first search, which runs again and again for it and is not refused.
    for n in 1..=3 {
        let visitor = wire.kit.visitor(&workspace).await;
        let name = json!({ "visitorId": visitor.id, "sessionToken": visitor.token, "name": format!("Ada {n}") });
        wire.value("mutation", "visitors:identify", name, None).await;
        socket
            .until(0, |found| found["value"].as_array().is_some_and(|all| all.len() == n))
            .await;
    }
    socket.add(1, "visitors:search", search("bob")).await;
    socket.until(1, |found| found["value"] == json!([])).await;
    socket.add(2, "visitors:search", search("cleo")).await;
    let refused = socket.until(2, is_refused).await;
    // What somebody asks already costs nothing.
    socket.add(3, "visitors:search", search("ada")).await;
    socket
        .until(3, |found| found["value"].as_array().is_some_and(|all| all.len() == 3))
        .await;
    let wait = refused["errorData"]["retryAfterMs"].as_f64().unwrap();
    wire.kit.clock.advance(wait as i64);
    socket.until(2, |found| found["value"] == json!([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_a_request_again_is_not_doing_it_again() {
    let wire = limited("boot=1/1").await;
    let workspace = wire.kit.workspace().await;
    let boot = || json!({ "workspaceId": workspace.id, "sessionId": "s" });
    let mut socket = Socket::npm(&wire.url).await;
    socket.mutate(0, "widgetSessions:boot", boot()).await;
    let first = socket.settled(0).await;
    let session = socket.session.clone();
    drop(socket);
    let mut socket = Socket::npm_again(&wire.url, &session, 1).await;
    let burst = [socket.modify(json!([])), mutation(0, "widgetSessions:boot", boot())];
    socket.send_together(burst).await;
    assert_eq!(socket.settled(0).await, first);
    socket.mutate(1, "widgetSessions:boot", boot()).await;
    let refused = socket.settled(1).await;
    assert!(is_refused(&refused), "{refused}");
}
