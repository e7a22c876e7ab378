//! Many clients at once: what they are shown is of one moment, goes forward only, and lacks nothing in the end.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::notes;
use super::socket::{Socket, add, mutation};
use crate::wire::Wire;

const WRITERS: u32 = 4;
const EACH: u32 = 25;

fn texts(socket: &Socket, id: u32) -> Vec<String> {
    let list = socket.results.get(&id).map_or(&Value::Null, |latest| &latest["value"]);
    let list = list.as_array().map_or([].as_slice(), Vec::as_slice);
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

async fn watcher(wire: &Wire, books: &[&str]) -> Socket {
    let mut socket = Socket::npm(&wire.url).await;
    let queries: Vec<_> = (0..)
        .zip(books)
        .map(|(id, book)| add(id, "notes:list", json!({ "book": book })))
        .collect();
    let frame = socket.modify(json!(queries));
    socket.send(frame).await;
    socket.caught_up().await;
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn all_results_of_a_transition_are_of_one_moment() {
    let (wire, _) = notes::serve().await;
    let watchers = join_all((0..3).map(|_| watcher(&wire, &["one", "other"]))).await;
    let writers = (0..WRITERS).map(|writer| {
        let url = &wire.url;
        async move {
            let mut socket = Socket::npm(url).await;
            let args = |n| json!({ "one": "one", "other": "other", "text": format!("{writer}.{n}") });
            socket
                .send_together((0..EACH).map(|n| mutation(n, "notes:addToBoth", args(n))))
                .await;
            for n in 0..EACH {
                assert_eq!(socket.answered(n).await["success"], true);
            }
        }
    });
    let watching = watchers.into_iter().map(|mut socket| async move {
        let mut shown = Vec::new();
        while shown.len() < (WRITERS * EACH) as usize {
            let transition = socket.transition().await;
            let now = texts(&socket, 0);
            assert_eq!(now, texts(&socket, 1), "{transition}");
            assert!(now.starts_with(&shown), "taken back: {transition}");
            shown = now;
        }
    });
    tokio::join!(join_all(writers), join_all(watching));
}

/// Sends notes one after the other; every third time it loses the connection before the answer, and goes on at the other
/// server with the same session.
async fn writes_on(servers: [&Wire; 2], writer: u32) {
    let mut connections = 0;
    let mut socket = watcher(servers[0], &["b"]).await;
    for n in 0..EACH {
        let text = format!("{writer}.{n}");
        let note = json!({ "book": "b", "text": text });
        socket.mutate(n, "notes:add", note.clone()).await;
        if (writer + n).is_multiple_of(3) {
            connections += 1;
            let session = socket.session.clone();
            socket = Socket::npm_again(&servers[connections as usize % 2].url, &session, connections).await;
            let list = add(0, "notes:list", json!({ "book": "b" }));
            let burst = [socket.modify(json!([list])), mutation(n, "notes:add", note)];
            socket.send_together(burst).await;
        }
        assert_eq!(socket.settled(n).await["success"], true);
        assert!(texts(&socket, 0).contains(&text), "settled and not shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_taken_back_while_clients_come_and_go_between_servers() {
    let (wire, _) = notes::serve().await;
    let elsewhere = wire.replica().await;
    tokio::join!(wire.join_bus(), elsewhere.join_bus());
    let watchers = [watcher(&wire, &["b"]).await, watcher(&elsewhere, &["b"]).await];
    let watching = watchers.into_iter().map(|mut socket| async move {
        let mut shown = Vec::new();
        while shown.len() < (WRITERS * EACH) as usize {
            let transition = socket.transition().await;
            let now = texts(&socket, 0);
            assert!(now.starts_with(&shown), "taken back: {transition}");
            shown = now;
        }
        shown.sort_unstable();
        shown
    });
    let writing = (0..WRITERS).map(|writer| writes_on([&wire, &elsewhere], writer));
    let (_, shown) = tokio::join!(join_all(writing), join_all(watching));
    let notes = (0..WRITERS).flat_map(|writer| (0..EACH).map(move |n| format!("{writer}.{n}")));
    let mut expected: Vec<_> = notes.collect();
    expected.sort_unstable();
    assert_eq!(shown, [expected.clone(), expected]);
}
