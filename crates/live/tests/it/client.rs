//! A client that follows the protocol as the npm client does, and checks what it is shown.

use std::collections::{BTreeMap, BTreeSet};

use opencom_core::auth::token::u64_of_base64;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{CELLS, Cells};

/// What the client was shown of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) caller: String,
    pub(crate) cells: Vec<(usize, u64)>,
}

/// A mutation that has not settled.
#[derive(Clone, Debug)]
struct Pending {
    frame: Value,
    cell: usize,
    /// Whether it was sent on an earlier connection already.
    again: bool,
    /// Whether it was answered on this connection.
    answered_again: bool,
    /// The counter's value and the timestamp, once it is answered.
    answered: Option<(u64, u64)>,
}

#[derive(Default)]
pub(crate) struct Client {
    session_id: Option<Uuid>,
    /// The number of the connection.
    pub(crate) connection: Option<u64>,
    connections: u32,
    /// Frames that are on their way to the server.
    pub(crate) to_server: std::collections::VecDeque<String>,
    version: (u32, u32, u64),
    newest_ts: u64,
    query_set: u32,
    identity: u32,
    /// Who the client is at each version of the identity.
    names: Vec<&'static str>,
    token: Option<&'static str>,
    pub(crate) queries: BTreeMap<u32, (&'static str, Value)>,
    pub(crate) views: BTreeMap<u32, View>,
    next_query: u32,
    next_request: u32,
    pending: BTreeMap<u32, Pending>,
    /// What settled before it was answered on this connection.
    settled_again: BTreeSet<u32>,
    /// Answers since the last transition: each is owed one.
    answers: usize,
    /// How often each counter was raised by a mutation that was answered with success.
    pub(crate) raised: Cells,
    pub(crate) transitions: usize,
}

fn name_of(token: Option<&'static str>) -> &'static str {
    match token {
        None => "nobody",
        Some("a1" | "a2") => "a",
        Some(_) => "b",
    }
}

impl Client {
    fn send(&mut self, frame: &Value) {
        if self.connection.is_some() {
            self.to_server.push_back(frame.to_string());
        }
    }

    /// Opens a connection and says everything again.
    pub(crate) fn connect(&mut self, connection: u64) {
        self.connection = Some(connection);
        self.to_server.clear();
        (self.version, self.query_set, self.identity, self.answers) = ((0, 0, 0), 0, 0, 0);
        self.names = vec!["nobody"];
        self.views.clear();
        self.settled_again.clear();
        let session = *self
            .session_id
            .get_or_insert_with(|| Uuid::from_u128(u128::from(connection)));
        let newest = opencom_core::auth::token::base64_u64(self.newest_ts);
        self.send(
            &json!({ "type": "Connect", "sessionId": session, "connectionCount": self.connections,
                           "lastCloseReason": null, "maxObservedTimestamp": newest, "clientTs": 5 }),
        );
        self.connections += 1;
        if let Some(token) = self.token {
            self.send(&json!({ "type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": token }));
            self.identity = 1;
            self.names.push(name_of(Some(token)));
        }
        let add: Vec<_> = self.queries.iter().map(|(id, query)| add(*id, query)).collect();
        self.modify(&add);
        let mut again = Vec::new();
        for pending in self.pending.values_mut() {
            (pending.again, pending.answered_again) = (true, false);
            again.push(pending.frame.clone());
        }
        for frame in again {
            self.send(&frame);
        }
    }

    /// Loses its connection.
    pub(crate) fn lose(&mut self) -> Option<u64> {
        self.to_server.clear();
        self.connection.take()
    }

    fn modify(&mut self, modifications: &[Value]) {
        self.send(
            &json!({ "type": "ModifyQuerySet", "baseVersion": self.query_set, "newVersion": self.query_set + 1,
                           "modifications": modifications }),
        );
        self.query_set += 1;
    }

    pub(crate) fn subscribe(&mut self, kind: usize) {
        let cell = kind % CELLS;
        let query = match kind / CELLS {
            0 => ("cells:get", json!({ "cell": cell })),
            1 => ("cells:odd", json!({ "cell": cell })),
            _ => ("cells:all", json!({})),
        };
        let id = self.next_query;
        self.next_query += 1;
        if self.connection.is_some() {
            self.modify(&[add(id, &query)]);
        }
        self.queries.insert(id, query);
    }

    pub(crate) fn unsubscribe(&mut self, nth: usize) {
        let Some(id) = self.queries.keys().nth(nth % self.queries.len().max(1)).copied() else {
            return;
        };
        self.queries.remove(&id);
        self.views.remove(&id);
        if self.connection.is_some() {
            self.modify(&[json!({ "type": "Remove", "queryId": id })]);
        }
    }

    pub(crate) fn mutate(&mut self, cell: usize, fails: bool) {
        let id = self.next_request;
        self.next_request += 1;
        let path = if fails { "cells:fail" } else { "cells:raise" };
        let frame = json!({ "type": "Mutation", "requestId": id, "udfPath": path, "args": [{ "cell": cell }] });
        self.send(&frame);
        let pending = Pending {
            frame,
            cell,
            again: self.connection.is_none(),
            answered_again: false,
            answered: None,
        };
        self.pending.insert(id, pending);
    }

    pub(crate) fn authenticate(&mut self, token: Option<&'static str>) {
        self.token = token;
        if self.connection.is_none() {
            return;
        }
        let base = self.identity;
        match token {
            Some(token) => {
                self.send(&json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "User", "value": token }))
            }
            None => self.send(&json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "None" })),
        }
        self.identity += 1;
        self.names.push(name_of(token));
    }

    /// Reads a frame and checks it, also whether it shows one of the moments of `history`. Says whether the connection is over.
    pub(crate) fn receive(&mut self, frame: &str, history: Option<&[Cells]>) -> bool {
        let frame: Value = serde_json::from_str(frame).unwrap();
        match frame["type"].as_str().unwrap() {
            "Ping" => {}
            "AuthError" => {
                // Every token but one that nobody has is good.
                self.token = None;
                return true;
            }
            "MutationResponse" => self.mutation_response(&frame),
            "Transition" => self.transition(&frame, history),
            other => panic!("unexpected {other}: {frame}"),
        }
        false
    }

    fn mutation_response(&mut self, frame: &Value) {
        let id = u32::try_from(frame["requestId"].as_u64().unwrap()).unwrap();
        self.answers += 1;
        let Some(pending) = self.pending.get_mut(&id) else {
            // Settled by the opening transition, before the server read that it was asked again.
            assert!(
                self.settled_again.remove(&id),
                "an answer that nobody waits for: {frame}"
            );
            return;
        };
        if frame["success"] == true {
            let (first, value) = (pending.answered.is_none(), frame["result"].as_u64().unwrap());
            pending.answered = Some((value, ts(&frame["ts"])));
            pending.answered_again = true;
            let shown = self.views.values().flat_map(|view| &view.cells);
            let early = shown
                .filter(|(cell, shown)| *cell == pending.cell && *shown >= value)
                .count();
            assert!(
                early == 0 || pending.again,
                "its effect was shown before its answer: {frame}"
            );
            if first {
                self.raised[pending.cell] += 1;
            }
        } else {
            self.pending.remove(&id);
        }
    }

    fn transition(&mut self, frame: &Value, history: Option<&[Cells]>) {
        self.transitions += 1;
        let (start, end) = (version(&frame["startVersion"]), version(&frame["endVersion"]));
        assert_eq!(start, self.version, "a version was skipped: {frame}");
        assert!(end.0 >= start.0 && end.1 >= start.1 && end.2 >= start.2, "{frame}");
        assert!(end.2 >= self.newest_ts, "time went back: {frame}");
        let modifications = frame["modifications"].as_array().unwrap();
        let asked_for = start.2 == 0 || (start.0, start.1) != (end.0, end.1) || self.answers > 0;
        assert!(asked_for || !modifications.is_empty(), "nobody asked for {frame}");
        for modification in modifications {
            self.modify_view(modification);
        }
        (self.version, self.newest_ts, self.answers) = (end, end.2, 0);
        let name = self.names[end.1 as usize];
        for (id, view) in &self.views {
            assert_eq!(view.caller, name, "query {id} is shown to {name}: {frame}");
        }
        let is_moment = |state: &Cells| {
            self.views
                .values()
                .flat_map(|view| &view.cells)
                .all(|(k, v)| state[*k] == *v)
        };
        if let Some(history) = history {
            assert!(history.iter().any(is_moment), "not one moment: {:?}", self.views);
        }
        let settled_again = &mut self.settled_again;
        self.pending.retain(|id, pending| {
            let settled = pending.answered.is_some_and(|(_, ts)| ts <= end.2);
            if let (true, Some((value, _))) = (settled, pending.answered) {
                for (cell, shown) in self.views.values().flat_map(|view| &view.cells) {
                    assert!(
                        *cell != pending.cell || *shown >= value,
                        "settled before it was shown: {frame}"
                    );
                }
            }
            if settled && pending.again && !pending.answered_again {
                settled_again.insert(*id);
            }
            !settled
        });
    }

    fn modify_view(&mut self, modification: &Value) {
        let id = u32::try_from(modification["queryId"].as_u64().unwrap()).unwrap();
        let shown = match modification["type"].as_str().unwrap() {
            "QueryRemoved" => None,
            "QueryUpdated" => Some(modification["value"].clone()),
            "QueryFailed" => {
                assert_eq!(modification["errorData"]["code"], "INVALID_INPUT", "{modification}");
                Some(serde_json::from_str(modification["errorMessage"].as_str().unwrap()).unwrap())
            }
            other => panic!("unexpected {other}"),
        };
        self.views.remove(&id);
        if let Some(shown) = shown.filter(|_| self.queries.contains_key(&id)) {
            self.views.insert(id, view(&shown));
        }
    }

    /// Whether nothing is owed any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.version.0 == self.query_set && self.version.1 == self.identity
    }

    /// What a fresh execution of a held query gives.
    pub(crate) fn fresh(&self, id: u32, cells: &Cells) -> View {
        let (_, arguments) = &self.queries[&id];
        let read: Vec<_> = match arguments["cell"].as_u64() {
            Some(cell) => vec![usize::try_from(cell).unwrap()],
            None => (0..CELLS).collect(),
        };
        View {
            caller: name_of(self.token).to_owned(),
            cells: read.into_iter().map(|cell| (cell, cells[cell])).collect(),
        }
    }
}

fn add(id: u32, (path, arguments): &(&'static str, Value)) -> Value {
    json!({ "type": "Add", "queryId": id, "udfPath": path, "args": [arguments] })
}

fn ts(value: &Value) -> u64 {
    u64_of_base64(value.as_str().unwrap()).unwrap()
}

fn version(value: &Value) -> (u32, u32, u64) {
    let number = |key: &str| u32::try_from(value[key].as_u64().unwrap()).unwrap();
    (number("querySet"), number("identity"), ts(&value["ts"]))
}

fn view(value: &Value) -> View {
    let cells = value["cells"].as_array().unwrap().iter();
    View {
        caller: value["caller"].as_str().unwrap().to_owned(),
        cells: cells
            .map(|cell| (cell[0].as_u64().unwrap() as usize, cell[1].as_u64().unwrap()))
            .collect(),
    }
}
