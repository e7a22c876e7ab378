//! What a client asked for and was told. Believes nothing: every frame is parsed as the official Rust client parses it,
//! its values are judged as the JavaScript client judges them, and versions must chain.

use std::collections::{BTreeMap, BTreeSet};

use convex_sync_types::{ServerMessage, StateVersion};
use serde_json::Value;

use super::values;

/// What versions a Transition starts or ends at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) query_set: u32,
    pub(crate) identity: u32,
    pub(crate) ts: u64,
}

impl From<StateVersion> for Version {
    fn from(version: StateVersion) -> Self {
        Self {
            query_set: version.query_set,
            identity: version.identity,
            ts: version.ts.into(),
        }
    }
}

/// What a client asked for and was told on one connection.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Whether the client joins Transitions that come in parts.
    joins_parts: bool,
    /// What was asked for last.
    pub(crate) asked: Version,
    /// Where the last Transition ended.
    pub(crate) seen: Version,
    /// The latest modification of each query.
    pub(crate) results: BTreeMap<u32, Value>,
    /// `Ping` messages so far.
    pub(crate) reminders: usize,
    /// Parts of Transitions so far.
    pub(crate) parts: usize,
    /// The parts of the Transition that is on its way.
    partial: Vec<Value>,
    /// How many answers are due to each request.
    due: BTreeMap<u32, usize>,
    /// When the requests that were answered committed.
    committed: BTreeMap<u32, Option<u64>>,
}

impl Ledger {
    /// Of a connection on which nothing was said yet.
    pub(super) fn new(joins_parts: bool) -> Self {
        Self {
            joins_parts,
            ..Self::default()
        }
    }

    /// Whether a request was answered.
    pub(crate) fn has_answered(&self, request: u32) -> bool {
        self.committed.contains_key(&request)
    }

    /// When a request that was answered committed.
    pub(crate) fn committed(&self, request: u32) -> Option<u64> {
        self.committed[&request]
    }

    /// Whether a request was answered, and its effect shown if it had one.
    pub(crate) fn has_settled(&self, request: u32) -> bool {
        (self.committed.get(&request)).is_some_and(|ts| ts.is_none_or(|ts| self.seen.ts >= ts))
    }

    /// A frame is about to be sent.
    pub(super) fn sends(&mut self, frame: &Value) {
        if let Some(request) = frame["requestId"].as_u64() {
            *self.due.entry(request.try_into().unwrap()).or_default() += 1;
        }
    }

    /// Takes a text that came in; gives the frame when it says something. A Transition in parts counts as one.
    pub(super) fn takes(&mut self, text: &str) -> Option<Value> {
        let frame: Value = serde_json::from_str(text).unwrap();
        let parsed = ServerMessage::<convex::Value>::try_from(frame.clone());
        match parsed.unwrap_or_else(|error| panic!("{error:#}: {frame}")) {
            ServerMessage::Transition {
                start_version,
                end_version,
                ..
            } => {
                assert!(self.partial.is_empty(), "between the parts of another: {frame}");
                self.move_on(start_version.into(), end_version.into(), &frame);
            }
            ServerMessage::TransitionChunk { .. } => return self.join(frame),
            ServerMessage::MutationResponse {
                request_id, result, ts, ..
            } => {
                assert_eq!(result.is_ok(), ts.is_some(), "{frame}");
                self.answered(request_id, ts.map(u64::from), &frame);
            }
            ServerMessage::ActionResponse { request_id, .. } => self.answered(request_id, None, &frame),
            ServerMessage::AuthError { base_version, .. } => assert!(base_version.is_some(), "{frame}"),
            ServerMessage::FatalError { .. } => {}
            ServerMessage::Ping => {
                self.reminders += 1;
                return None;
            }
        }
        Some(frame)
    }

    fn join(&mut self, part: Value) -> Option<Value> {
        assert!(self.joins_parts, "a part of a Transition for a client that knows none");
        self.parts += 1;
        assert_eq!(part["partNumber"], self.partial.len(), "{part}");
        self.partial.push(part);
        let (first, last) = (&self.partial[0], &self.partial[self.partial.len() - 1]);
        for same in ["transitionId", "totalParts"] {
            assert_eq!(first[same], last[same], "{last}");
        }
        if last["totalParts"] != self.partial.len() {
            return None;
        }
        let parts = std::mem::take(&mut self.partial);
        let text: String = parts.iter().map(|part| part["chunk"].as_str().unwrap()).collect();
        let whole = self.takes(&text).unwrap();
        assert_eq!(whole["type"], "Transition");
        Some(whole)
    }

    fn answered(&mut self, request: u32, ts: Option<u64>, frame: &Value) {
        let due = self.due.get_mut(&request).filter(|due| **due > 0);
        *due.unwrap_or_else(|| panic!("an answer to nothing: {frame}")) -= 1;
        self.committed.insert(request, ts);
        values::assert_acceptable(&frame["result"]);
        values::assert_error_data(frame);
    }

    fn move_on(&mut self, start: Version, end: Version, frame: &Value) {
        let asked = self.asked;
        assert_eq!(start, self.seen, "versions do not chain: {frame}");
        assert!(end.ts >= start.ts && end.ts > 0, "time went back: {frame}");
        let forward = (start.query_set..=asked.query_set).contains(&end.query_set)
            && (start.identity..=asked.identity).contains(&end.identity);
        assert!(forward, "beyond {asked:?}: {frame}");
        let clocks = ["clientClockSkew", "serverTs"].map(|key| frame.get(key));
        assert!(
            clocks.iter().all(Option::is_none) || clocks.iter().all(|clock| clock.is_some_and(Value::is_i64)),
            "both as integers, or neither: {frame}"
        );
        let mut modified = BTreeSet::new();
        for modification in frame["modifications"].as_array().unwrap() {
            let id = modification["queryId"].as_u64().unwrap().try_into().unwrap();
            assert!(modified.insert(id), "one query twice: {frame}");
            values::assert_acceptable(&modification["value"]);
            values::assert_error_data(modification);
            self.results.insert(id, modification.clone());
        }
        self.seen = end;
    }
}
