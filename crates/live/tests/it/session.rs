//! What a session does at which time: opening, liveness, refusals, limits.

use std::time::Duration;

use opencom_core::Millis;
use opencom_live::session::{Client, Ending, Limits};
use serde_json::{Value, json};

use crate::world::World;

struct Line {
    world: World,
    number: u64,
}

impl Line {
    fn new() -> Self {
        Self::with(Limits::default(), Client::Npm)
    }

    fn with(limits: Limits, client: Client) -> Self {
        let mut world = World::with(limits);
        let number = world.open(client);
        Self { world, number }
    }

    fn send(&mut self, frame: &Value) {
        self.world.receive(self.number, &frame.to_string());
    }

    fn connect(&mut self, count: u32) {
        self.send(
            &json!({ "type": "Connect", "sessionId": "6fa459ea-ee8a-3ca4-894e-db77e160355e",
                           "connectionCount": count, "lastCloseReason": null, "clientTs": 0 }),
        );
    }

    fn add(&mut self, base: u32, ids: &[u32]) {
        let add = |id: &u32| json!({ "type": "Add", "queryId": id, "udfPath": "cells:get", "args": [{ "cell": 0 }] });
        let modifications: Vec<_> = ids.iter().map(add).collect();
        self.modify(base, &json!(modifications));
    }

    fn modify(&mut self, base: u32, modifications: &Value) {
        self.send(
            &json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1,
                           "modifications": modifications }),
        );
    }

    fn authenticate(&mut self, base: u32, token: &str) {
        self.send(&json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "User", "value": token }));
    }

    /// Another client raises the counter.
    fn mutate_elsewhere(&mut self) {
        let other = self.world.open(Client::Other);
        let connect =
            json!({ "type": "Connect", "sessionId": uuid::Uuid::from_u128(u128::from(other)), "connectionCount": 0 });
        self.world.receive(other, &connect.to_string());
        let raise = json!({ "type": "Mutation", "requestId": 0, "udfPath": "cells:raise", "args": [{ "cell": 0 }] });
        self.world.receive(other, &raise.to_string());
    }

    fn mutate(&mut self, id: u32) {
        self.send(&json!({ "type": "Mutation", "requestId": id, "udfPath": "cells:raise", "args": [{ "cell": 0 }] }));
    }

    /// Lets time pass, and everything that has to run run.
    fn pass(&mut self, ms: u64) {
        self.world.pass(Duration::from_millis(ms));
        self.world.wake(self.number);
        self.work();
    }

    fn work(&mut self) {
        while self.world.begin() || self.world.tasks() > 0 {
            self.world.step(0);
        }
        self.world.wake(self.number);
    }

    fn frames(&mut self) -> Vec<Value> {
        let connection = self.world.connections.get_mut(&self.number).unwrap();
        (connection.to_client.drain(..))
            .map(|frame| serde_json::from_str(&frame).unwrap())
            .collect()
    }

    fn types(&mut self) -> Vec<String> {
        let frames = self.frames();
        frames
            .iter()
            .map(|frame| frame["type"].as_str().unwrap().to_owned())
            .collect()
    }

    fn ending(&self) -> Option<Ending> {
        self.world.connections[&self.number].closed
    }

    /// A line whose opening is over.
    fn open(limits: Limits, client: Client) -> Self {
        let mut line = Self::with(limits, client);
        line.connect(0);
        line.add(0, &[]);
        line.pass(10);
        assert_eq!(line.types(), ["Transition"]);
        line
    }
}

#[test]
fn the_opening_burst_is_answered_by_one_transition() {
    let mut line = Line::new();
    line.connect(0);
    line.pass(9);
    line.authenticate(0, "a1");
    line.pass(9);
    line.add(0, &[0, 1]);
    line.pass(9);
    assert_eq!(line.types(), [""; 0]);
    line.pass(1);
    let frames = line.frames();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(frames[0]["endVersion"]["identity"], 1);
    assert_eq!(frames[0]["endVersion"]["querySet"], 1);
    assert_eq!(frames[0]["modifications"].as_array().unwrap().len(), 2);
    assert!(frames[0]["serverTs"].is_u64() && frames[0]["clientClockSkew"].is_i64());
}

#[test]
fn a_reconnecting_client_is_shown_nothing_before_it_says_what_it_holds() {
    let mut line = Line::new();
    line.connect(1);
    line.pass(500);
    assert_eq!(line.types(), [""; 0]);
    line.add(0, &[0]);
    line.pass(10);
    assert_eq!(line.types(), ["Transition"]);
}

#[test]
fn a_client_without_a_clock_is_told_none() {
    let mut line = Line::new();
    line.send(&json!({ "type": "Connect", "sessionId": "6fa459ea-ee8a-3ca4-894e-db77e160355e", "connectionCount": 0 }));
    line.pass(10);
    let frame = &line.frames()[0];
    assert!(
        frame.get("serverTs").is_none() && frame.get("clientClockSkew").is_none(),
        "{frame}"
    );
}

#[test]
fn silence_of_ours_is_broken_by_a_ping_after_fifteen_seconds() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.pass(14_999);
    assert_eq!(line.types(), [""; 0]);
    line.pass(1);
    assert_eq!(line.types(), ["Ping"]);
    line.pass(15_000);
    assert_eq!(line.types(), ["Ping"]);
}

#[test]
fn a_client_that_only_watches_is_asked_for_a_sign_of_life() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.add(1, &[0]);
    line.pass(1);
    for _ in 0..30 {
        line.pass(10_000);
        line.mutate_elsewhere();
        line.work();
        assert!(line.types().contains(&"Transition".to_owned()));
        // A pong.
        if std::mem::take(&mut line.world.connections.get_mut(&line.number).unwrap().pings) > 0 {
            let now = line.world.now;
            line.world.connections.get_mut(&line.number).unwrap().session.heard(now);
        }
    }
    assert_eq!(line.ending(), None);
}

#[test]
fn a_client_that_says_nothing_at_first_is_kept_and_one_that_never_says_anything_is_not() {
    let mut line = Line::new();
    line.pass(119_999);
    assert_eq!(line.ending(), None);
    line.pass(1);
    assert_eq!(line.ending(), Some(Ending::SILENT));
}

#[test]
fn what_breaks_the_protocol_is_fatal() {
    let breaches: [fn(&mut Line); 7] = [
        |line| line.modify(5, &json!([])),
        |line| line.authenticate(1, "a1"),
        |line| line.connect(0),
        |line| line.add(1, &[3, 3]),
        |line| line.modify(1, &json!([{ "type": "Remove", "queryId": 9 }])),
        |line| line.send(&json!({ "type": "Hello" })),
        |line| line.world.receive(line.number, "{bad"),
    ];
    for breach in breaches {
        let mut line = Line::open(Limits::default(), Client::Npm);
        breach(&mut line);
        assert_eq!(line.types(), ["FatalError"]);
        assert_eq!(line.ending(), Some(Ending::BROKEN));
        line.mutate(0);
        line.pass(20);
        assert_eq!(line.types(), [""; 0], "nothing follows");
    }
    let mut line = Line::new();
    line.add(0, &[0]);
    assert_eq!(line.types(), ["FatalError"], "Connect comes first");
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.modify(5, &json!([]));
    let frame = &line.frames()[0];
    let error = frame["error"].as_str().unwrap();
    assert!(
        error.contains('5') && error.contains('1'),
        "both versions are named: {error}"
    );
}

#[test]
fn a_refused_token_is_answered_with_the_version_that_it_would_have_changed() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.authenticate(0, "a1");
    line.pass(1);
    assert_eq!(line.types(), ["Transition"]);
    line.authenticate(1, "bad");
    let frames = line.frames();
    assert_eq!(
        frames,
        [json!({ "type": "AuthError", "error": "token rejected", "baseVersion": 1, "authUpdateAttempted": true })]
    );
    assert_eq!(line.ending(), None, "the client may leave by itself");
    line.pass(2000);
    assert_eq!(line.ending(), Some(Ending::UNAUTHENTICATED));
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.send(&json!({ "type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": "key" }));
    assert_eq!(line.types(), ["AuthError"]);
}

#[test]
fn a_token_that_runs_out_ends_the_connection_before_anything_runs_under_it() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.world
        .names
        .expire_at(line.world.host.server.clock.now().plus(Millis::HOUR));
    line.authenticate(0, "a1");
    line.pass(1);
    assert_eq!(line.types(), ["Transition"]);
    line.world.host.server.clock.advance(Millis::HOUR);
    line.mutate(0);
    let frames = line.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["type"], "AuthError");
    assert_eq!(frames[0]["baseVersion"], 1);
    assert_eq!(frames[0]["authUpdateAttempted"], false);
    assert_eq!(line.world.tasks(), 0, "the mutation does not run");
    let session = &line.world.connections[&line.number].session;
    assert_eq!(session.expires_at(), None, "nothing waits for a moment that has passed");
}

#[test]
fn a_new_token_of_the_same_session_runs_nothing_again() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.authenticate(0, "a1");
    line.add(1, &[0]);
    line.pass(1);
    line.frames();
    let runs = line.world.runs;
    line.authenticate(1, "a2");
    line.pass(1);
    let frames = line.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["endVersion"]["identity"], 2);
    assert_eq!(frames[0]["modifications"], json!([]));
    assert_eq!(frames[0]["startVersion"]["ts"], frames[0]["endVersion"]["ts"]);
    assert_eq!(line.world.runs, runs);
    line.authenticate(2, "b1");
    line.pass(1);
    assert_eq!(line.frames()[0]["modifications"][0]["value"]["caller"], "b");
}

#[test]
fn an_answer_comes_first_and_a_transition_always_follows() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    line.mutate(0);
    line.work();
    assert_eq!(line.types(), ["MutationResponse", "Transition"]);
    line.send(&json!({ "type": "Mutation", "requestId": 1, "udfPath": "cells:fail", "args": [{ "cell": 0 }] }));
    line.work();
    let frames = line.frames();
    assert_eq!(
        (&frames[0]["success"], &frames[1]["type"]),
        (&json!(false), &json!("Transition"))
    );
    line.send(&json!({ "type": "Mutation", "requestId": 2, "udfPath": "cells:raise", "args": [1, 2] }));
    line.work();
    assert_eq!(
        line.types(),
        ["MutationResponse", "Transition"],
        "bad arguments fail the call alone"
    );
    line.send(&json!({ "type": "Event", "eventType": "x", "event": {} }));
    line.work();
    assert_eq!(line.types(), [""; 0]);
}

#[test]
fn mutations_that_never_end_are_shown_all_the_same() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    for id in 0..40 {
        line.mutate(id);
    }
    line.work();
    let types = line.types();
    let first = types.iter().position(|kind| kind == "Transition").unwrap();
    assert_eq!(first, 16, "the seventeenth waits until the others are shown");
    let answers: Vec<_> = types.iter().filter(|kind| *kind == "MutationResponse").collect();
    assert_eq!(answers.len(), 40);
}

#[test]
fn the_subscription_over_the_limit_fails_alone() {
    let limits = Limits {
        queries: 2,
        ..Limits::default()
    };
    let mut line = Line::open(limits, Client::Npm);
    line.add(1, &[0, 1, 2]);
    line.pass(1);
    let frames = line.frames();
    let kinds: Vec<_> = (frames[0]["modifications"].as_array().unwrap().iter())
        .map(|modification| modification["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["QueryUpdated", "QueryUpdated", "QueryFailed"]);
}

#[test]
fn a_client_that_calls_faster_than_calls_run_is_not_read_for_a_while() {
    let mut line = Line::open(Limits::default(), Client::Npm);
    let full = |line: &Line| line.world.connections[&line.number].session.is_full();
    for id in 0..256 {
        line.mutate(id);
    }
    assert!(!full(&line), "one runs");
    line.mutate(256);
    assert!(full(&line));
    line.work();
    assert!(!full(&line));
}

#[test]
fn large_transitions_come_in_parts_to_those_who_can_join_them() {
    for (client, parts) in [(Client::Npm, true), (Client::Other, false)] {
        let limits = Limits {
            chunk_over: 1000,
            chunk: 500,
            ..Limits::default()
        };
        let mut line = Line::open(limits, client);
        let ids: Vec<_> = (0..20).collect();
        line.add(1, &ids);
        line.pass(1);
        let frames = line.frames();
        if parts {
            assert!(frames.len() > 2 && frames.iter().all(|frame| frame["type"] == "TransitionChunk"));
            let joined: String = frames.iter().map(|frame| frame["chunk"].as_str().unwrap()).collect();
            let joined: Value = serde_json::from_str(&joined).unwrap();
            assert_eq!(joined["modifications"].as_array().unwrap().len(), 20);
        } else {
            assert_eq!(frames.len(), 1);
        }
    }
}

#[test]
fn a_client_is_never_shown_an_older_moment_than_it_has_seen() {
    let mut line = Line::new();
    let seen = u64::try_from(i64::MAX).unwrap();
    let text = opencom_core::auth::token::base64_u64(seen);
    line.send(
        &json!({ "type": "Connect", "sessionId": "6fa459ea-ee8a-3ca4-894e-db77e160355e", "connectionCount": 1,
                       "lastCloseReason": null, "maxObservedTimestamp": text }),
    );
    line.add(0, &[0]);
    line.pass(10);
    assert_eq!(line.frames()[0]["endVersion"]["ts"], text);
}
