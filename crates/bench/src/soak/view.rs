//! What a client of the sync protocol knows, as npm clients keep it: subscriptions with their results, mutations until
//! their effects are in the view, and what to send again after a reconnect.

use std::collections::BTreeMap;

use opencom_contract::Function;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Fault;
use crate::wire::{self, Frame, MutationResponse, Ts};

/// A subscription.
pub(crate) struct Query {
    pub(crate) path: &'static str,
    pub(crate) arguments: String,
    journal: Option<String>,
    /// The last result, as JSON.
    pub(crate) value: Option<String>,
    /// Whether the result came over the present connection.
    pub(crate) current: bool,
}

/// A mutation whose effects are not in the view yet.
struct Request {
    message: String,
    /// When it was committed, by the answer on the present connection.
    committed: Option<Ts>,
    /// The first answer, on whatever connection it came.
    answer: Option<(Value, Ts)>,
}

/// The client's side of the protocol, without a connection.
#[derive(Default)]
pub(crate) struct View {
    queries: BTreeMap<u32, Query>,
    requests: BTreeMap<u32, Request>,
    next_query: u32,
    next_request: u32,
    /// The version of the query set, as last sent.
    query_set: u32,
    /// The newest commit that it heard of.
    seen: Option<Ts>,
}

#[derive(Deserialize)]
struct Transition<'a> {
    #[serde(borrow)]
    modifications: Vec<Modification<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modification<'a> {
    r#type: &'a str,
    query_id: u32,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    error_message: Option<String>,
    journal: Option<String>,
}

/// A mutation whose effects are in the view, and its result.
pub(crate) type Settled = (u32, Value);

impl View {
    /// The newest commit that it heard of.
    pub(crate) fn seen(&self) -> Option<Ts> {
        self.seen
    }

    /// The subscriptions, by id.
    pub(crate) fn queries(&self) -> &BTreeMap<u32, Query> {
        &self.queries
    }

    /// Whether every subscription has its result and no mutation is open.
    pub(crate) fn is_settled(&self) -> bool {
        self.requests.is_empty() && self.queries.values().all(|query| query.current)
    }

    /// What a new connection sends after it has said who it is: all subscriptions, then every open mutation.
    pub(crate) fn resume(&mut self) -> Result<(String, Vec<String>), Fault> {
        let mut adds = Vec::with_capacity(self.queries.len());
        for (id, query) in &mut self.queries {
            query.current = false;
            adds.push(wire::add(*id, query.path, &query.arguments, query.journal.as_deref())?);
        }
        self.query_set = 1;
        let again = |request: &mut Request| {
            request.committed = None;
            request.message.clone()
        };
        Ok((wire::modify(0, &adds), self.requests.values_mut().map(again).collect()))
    }

    /// Subscribes; gives what to send.
    pub(crate) fn subscribe<F: Function>(&mut self, request: &F) -> Result<String, Fault> {
        let (id, path) = (self.next_query, F::DESCRIPTOR.path);
        let arguments = serde_json::to_string(request)?;
        let add = wire::add(id, path, &arguments, None)?;
        let query = Query {
            path,
            arguments,
            journal: None,
            value: None,
            current: false,
        };
        self.queries.insert(id, query);
        self.next_query += 1;
        Ok(self.modify(add))
    }

    /// Ends a subscription; gives what to send.
    pub(crate) fn unsubscribe(&mut self, id: u32) -> String {
        self.queries.remove(&id);
        self.modify(wire::remove(id))
    }

    fn modify(&mut self, modification: String) -> String {
        self.query_set += 1;
        wire::modify(self.query_set - 1, &[modification])
    }

    /// Calls a mutation; gives its id and what to send.
    pub(crate) fn call<F: Function>(&mut self, request: &F) -> Result<(u32, String), Fault> {
        let id = self.next_request;
        self.next_request += 1;
        let message = wire::mutation(id, request)?;
        let request = Request {
            message: message.clone(),
            committed: None,
            answer: None,
        };
        self.requests.insert(id, request);
        Ok((id, message))
    }

    /// Takes in a message of the server. Mutations that it settles are added to `settled`.
    pub(crate) fn absorb(&mut self, frame: Frame<'_>, settled: &mut Vec<Settled>) -> Result<(), Fault> {
        match frame {
            Frame::Ping => {}
            Frame::MutationResponse(text) => self.answer(serde_json::from_slice(text)?)?,
            Frame::Transition { end, text, .. } => {
                let transition: Transition<'_> = serde_json::from_slice(text)?;
                for modification in transition.modifications {
                    self.update(modification)?;
                }
                self.seen = self.seen.max(Some(end.ts));
                let covered = |_: &u32, request: &mut Request| request.committed.is_some_and(|ts| ts <= end.ts);
                for (id, request) in self.requests.extract_if(.., covered) {
                    let result = request.answer.map(|(result, _)| result);
                    settled.push((id, result.unwrap_or_default()));
                }
            }
        }
        Ok(())
    }

    fn update(&mut self, modification: Modification<'_>) -> Result<(), Fault> {
        // One that was removed meanwhile.
        let Some(query) = self.queries.get_mut(&modification.query_id) else {
            return Ok(());
        };
        if modification.r#type != "QueryUpdated" {
            let (kind, error) = (modification.r#type, modification.error_message.unwrap_or_default());
            return Err(format!("{kind} for {} {}: {error}", query.path, query.arguments).into());
        }
        query.value = Some(modification.value.map_or("null", RawValue::get).to_owned());
        query.journal = modification.journal;
        query.current = true;
        Ok(())
    }

    fn answer(&mut self, response: MutationResponse) -> Result<(), Fault> {
        let MutationResponse {
            request_id,
            success,
            result,
            ts,
        } = response;
        if !success {
            return Err(format!("mutation {request_id} failed: {result}").into());
        }
        let ts = ts.ok_or("a mutation succeeded without a timestamp")?;
        let request = self.requests.get_mut(&request_id).ok_or("an answer to nothing")?;
        if request.committed.replace(ts).is_some() {
            return Err(format!("mutation {request_id} was answered twice on one connection").into());
        }
        match &request.answer {
            Some(first) if *first != (result.clone(), ts) => {
                return Err(format!("mutation {request_id} was answered {first:?}, then ({result}, {ts:?})").into());
            }
            Some(_) => {}
            None => request.answer = Some((result, ts)),
        }
        self.seen = self.seen.max(Some(ts));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opencom_contract::auth::{CurrentUser, SwitchWorkspace};
    use opencom_core::id::WorkspaceId;
    use serde_json::json;

    use super::*;
    use crate::wire::Version;

    fn call(view: &mut View) -> u32 {
        let request = SwitchWorkspace::builder().workspace_id(WorkspaceId::generate()).build();
        view.call(&request).unwrap().0
    }

    fn answer(view: &mut View, result: &str, ts: u64) -> Result<(), Fault> {
        let text = json!({"requestId": 0, "success": true, "result": result, "ts": Ts(ts)}).to_string();
        view.absorb(Frame::MutationResponse(text.as_bytes()), &mut Vec::new())
    }

    fn transition(view: &mut View, ts: u64, modifications: Value) -> Vec<Settled> {
        let text = json!({"modifications": modifications}).to_string();
        let (start, end) = (
            Version::default(),
            Version {
                ts: Ts(ts),
                ..Version::default()
            },
        );
        let text = text.as_bytes();
        let mut settled = Vec::new();
        view.absorb(Frame::Transition { start, end, text }, &mut settled)
            .unwrap();
        settled
    }

    #[test]
    fn a_mutation_is_settled_by_a_transition_that_covers_its_answer() {
        let mut view = View::default();
        let id = call(&mut view);
        assert!(transition(&mut view, 9, json!([])).is_empty());
        answer(&mut view, "done", 10).unwrap();
        assert!(transition(&mut view, 9, json!([])).is_empty());
        assert!(!view.is_settled());
        assert_eq!(transition(&mut view, 10, json!([])), [(id, json!("done"))]);
        assert!(view.is_settled());
        assert_eq!(view.seen(), Some(Ts(10)));
    }

    #[test]
    fn an_answer_may_come_again_on_the_next_connection_and_must_be_the_same() {
        let mut view = View::default();
        call(&mut view);
        answer(&mut view, "done", 10).unwrap();
        answer(&mut view, "done", 10).unwrap_err();
        let (_, requests) = view.resume().unwrap();
        assert_eq!(requests.len(), 1);
        assert!(
            transition(&mut view, 11, json!([])).is_empty(),
            "not answered on this connection"
        );
        answer(&mut view, "done", 10).unwrap();
        view.resume().unwrap();
        answer(&mut view, "done", 11).unwrap_err();
    }

    #[test]
    fn a_subscription_keeps_its_result_and_its_journal_for_the_next_connection() {
        let mut view = View::default();
        view.subscribe(&CurrentUser::default()).unwrap();
        let updated = json!([{"type": "QueryUpdated", "queryId": 0, "value": null, "logLines": [], "journal": "j"}]);
        transition(&mut view, 1, updated);
        assert!(view.is_settled());
        let (subscriptions, _) = view.resume().unwrap();
        assert!(subscriptions.contains(r#""journal":"j""#));
        assert!(!view.is_settled());
        assert_eq!(view.queries()[&0].value.as_deref(), Some("null"));
    }
}
