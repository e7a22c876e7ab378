//! Clients that are too quiet, too slow or too many, with limits short enough to wait for.

use std::time::{Duration, Instant};

use opencom_live::session::Limits;
use opencom_testkit::{Nobody, Settings};
use serde_json::json;

use super::notes;
use super::socket::{End, NPM, PATIENCE, Socket, mutation};
use crate::kit::Edge;
use crate::wire::Wire;

/// Long enough for a busy machine, short enough to wait for.
const SHORT: Duration = Duration::from_secs(2);

fn limits(socket_limits: Limits, most_sockets: usize) -> Edge {
    Edge {
        socket_limits,
        most_sockets,
        ..Edge::default()
    }
}

fn pinging() -> Limits {
    Limits {
        ping_after: SHORT / 5,
        ..Limits::default()
    }
}

/// Opens connections until the server has room for one.
async fn room(wire: &Wire) -> Socket {
    let wait = async {
        loop {
            let mut socket = Socket::npm(&wire.url).await;
            socket.add(0, "auth:isAuthenticated", json!({})).await;
            match socket.try_frame().await {
                Ok(_) => return socket,
                Err(end) => assert_eq!(end, full(), "{end:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("no place became free")
}

fn full() -> End {
    End::Closed(1013, "TooManyConcurrentRequests".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_connection_is_pinged_even_before_the_client_has_said_anything() {
    let wire = Wire::start_edge(Settings::default(), limits(pinging(), 10)).await;
    let mut socket = Socket::open(&wire.url, NPM, &[]).await;
    socket.reminded(2).await;
    let hello = socket.hello(0);
    socket.send(hello).await;
    socket.add(0, "auth:isAuthenticated", json!({})).await;
    socket.caught_up().await;
    socket.reminded(2).await;
    assert!(socket.pings > 0, "nobody asked whether the client still lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_listens_stays_connected() {
    let limits = limits(
        Limits {
            peer_patience: SHORT,
            ..pinging()
        },
        10,
    );
    let wire = Wire::start_edge(Settings::default(), limits).await;
    let mut socket = Socket::npm(&wire.url).await;
    socket
        .send(json!({ "type": "Event", "eventType": "e", "event": null }))
        .await;
    // Its answers to WebSocket pings are all that is heard of it, for twice as long as silence is borne.
    socket.reminded(10).await;
    socket.add(0, "auth:isAuthenticated", json!({})).await;
    socket.caught_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_watches_a_busy_list_stays_connected() {
    let (wire, _) = impatient().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "notes:list", json!({ "book": "b" })).await;
    socket.caught_up().await;
    let write = async {
        loop {
            let note = json!({ "book": "b", "text": "t" });
            wire.kit.call_json(&Nobody, "notes:add", note).await.unwrap();
        }
    };
    let watch = async {
        let began = Instant::now();
        while began.elapsed() < 2 * SHORT {
            socket.transition().await;
        }
    };
    tokio::select! {
        () = write => {}
        () = watch => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_which_nothing_is_heard_is_dropped() {
    let limits = limits(
        Limits {
            peer_patience: SHORT,
            ..pinging()
        },
        1,
    );
    let wire = Wire::start_edge(Settings::default(), limits).await;
    let mut silent = room(&wire).await;
    // Pings are answered while reading only.
    room(&wire).await;
    silent.drain().await;
}

/// Limits under which silence counts soon, and a server with notes.
async fn impatient() -> (Wire, std::sync::Arc<notes::Notes>) {
    let impatient = Limits {
        peer_patience: SHORT,
        waiting_calls: 32,
        chunk_over: 256 * 1024,
        chunk: 128 * 1024,
        ..pinging()
    };
    notes::serve_with(limits(impatient, 10)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_long_to_read_does_not_count_as_silent() {
    let (wire, _) = impatient().await;
    let mut slow = Socket::narrow(&wire.url).await;
    let large = json!({ "book": "b", "character": "x", "times": f64::from(6 << 20) });
    slow.add(0, "notes:large", large).await;
    // Twice as long as silence is borne, and much less than a reader may take; told by a server that has nothing to write.
    let idle = wire.replica().await;
    let mut other = Socket::npm(&idle.url).await;
    other
        .send(json!({ "type": "Event", "eventType": "e", "event": null }))
        .await;
    other.reminded(10).await;
    slow.caught_up().await;
    slow.remove(0).await;
    slow.caught_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_calls_fill_the_queue_does_not_count_as_silent() {
    let (wire, notes) = impatient().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.mutate(0, "notes:signSlowly", json!({ "book": "b" })).await;
    notes.gate.reached_by(1).await;
    let calls = (1..100).map(|request| mutation(request, "notes:append", json!({ "book": "b", "text": "t" })));
    socket.send_together(calls).await;
    socket.reminded(10).await;
    notes.gate.open(1);
    for request in 0..100 {
        socket.answered(request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_beyond_the_limit_are_told_to_come_back_later() {
    let wire = Wire::start_edge(Settings::default(), limits(Limits::default(), 2)).await;
    let one = room(&wire).await;
    let _other = room(&wire).await;
    let mut third = Socket::open(&wire.url, NPM, &[]).await;
    assert_eq!(third.end().await, full());
    drop(one);
    room(&wire).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_off_and_nothing_piles_up_for_it() {
    const LARGE: u32 = 6 << 20;
    let patient = Limits {
        write_patience: SHORT,
        ..Limits::default()
    };
    let (wire, _) = notes::serve_with(limits(patient, 2)).await;
    let mut reader = Socket::npm(&wire.url).await;
    reader.add(0, "notes:list", json!({ "book": "b" })).await;
    reader.caught_up().await;
    let mut lazy = Socket::narrow(&wire.url).await;
    let large = json!({ "book": "b", "character": "x", "times": f64::from(LARGE) });
    lazy.add(0, "notes:large", large).await;
    for count in 1..=10 {
        let note = json!({ "book": "b", "text": "t" });
        wire.kit.call_json(&Nobody, "notes:add", note).await.unwrap();
        // Others get theirs all the while.
        reader
            .until(0, |list| list["value"].as_array().unwrap().len() == count)
            .await;
    }
    room(&wire).await;
    // What the kernel had taken, and no more: 10 results would be 60 MiB.
    let left = lazy.drain().await;
    assert!(left < 2 * LARGE as usize, "{left} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_slowly_is_shown_the_latest_and_not_every_result() {
    let (wire, _) = notes::serve().await;
    let mut slow = Socket::npm(&wire.url).await;
    let large = json!({ "book": "b", "character": "x", "times": f64::from(4 << 20) });
    slow.add(0, "notes:large", large).await;
    slow.caught_up().await;
    for _ in 0..30 {
        let note = json!({ "book": "b", "text": "t" });
        wire.kit.call_json(&Nobody, "notes:add", note).await.unwrap();
    }
    let mut transitions = 0;
    while slow.results[&0]["value"][1] != 30.0 {
        slow.transition().await;
        transitions += 1;
    }
    assert!(transitions < 30, "{transitions} transitions of 4 MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_queue_wait_in_the_network_and_are_answered_in_order() {
    let short = Limits {
        waiting_calls: 32,
        ..Limits::default()
    };
    let (wire, notes) = notes::serve_with(limits(short, 10)).await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.mutate(0, "notes:signSlowly", json!({ "book": "b" })).await;
    notes.gate.reached_by(1).await;
    let calls = (1..200).map(|request| mutation(request, "notes:append", json!({ "book": "b", "text": "t" })));
    socket.send_together(calls).await;
    notes.gate.open(1);
    for request in 0..200 {
        assert_eq!(socket.answered(request).await["result"], f64::from(request + 1));
    }
}
