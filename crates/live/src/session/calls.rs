//! The calls of a connection: mutations one after the other in the order in which they came, actions side by side.

use std::collections::VecDeque;
use std::time::Instant;

use opencom_core::Error;
use opencom_runtime::Asker;
use opencom_runtime::database::is_unavailable;
use opencom_runtime::refusal::Refusal;
use opencom_runtime::requests::{Answered, RequestId};

use super::{Ending, Limits, Output, Session, no_components};
use crate::outcome::refused_key;
use crate::protocol::Call;
use crate::{arguments, frames};

/// What a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mutation; it happens once.
    Mutation,
    /// An action.
    Action,
}

/// A call to run.
#[derive(Debug)]
pub struct Request {
    /// What it is.
    pub kind: Kind,
    /// Its name over all connections of the client.
    pub id: RequestId,
    /// Whether it may have been sent before.
    pub sent_before: bool,
    /// The function's path, as it was sent.
    pub path: String,
    /// The arguments.
    pub arguments: String,
    /// Who called when it came in.
    pub asker: Asker,
}

/// What a call gave, with the client's number of it.
#[derive(Debug)]
pub enum Answer {
    /// A mutation's result, with the record of it.
    Mutation(u32, Result<Answered, Error>),
    /// An action's result as JSON.
    Action(u32, Result<String, Error>),
}

/// A result that official clients would not read is a fault of ours; they would wait for ever.
fn readable(answer: Answer) -> Answer {
    let fault = |value: &str| refused_key(value).map(|key| Error::internal(format!("a result has the key {key}")));
    match answer {
        Answer::Mutation(id, Ok(answered)) => match fault(&answered.value) {
            Some(error) => Answer::Mutation(id, Err(error)),
            None => Answer::Mutation(id, Ok(answered)),
        },
        Answer::Action(id, Ok(value)) => Answer::Action(id, fault(&value).map_or(Ok(value), Err)),
        failed => failed,
    }
}

/// The calls of a connection.
#[derive(Default)]
pub(super) struct Calls {
    mutations: VecDeque<Result<Request, (u32, Error)>>,
    actions: VecDeque<Request>,
    waiting_bytes: usize,
    pub(super) mutation_runs: bool,
    actions_run: usize,
    /// The newest mutation that came in on this connection.
    newest: Option<u32>,
    /// Answered mutations whose effect has not been shown.
    pub(super) unshown: usize,
}

impl Calls {
    pub(super) fn are_full(&self, limits: &Limits) -> bool {
        self.mutations.len() + self.actions.len() >= limits.waiting_calls || self.waiting_bytes >= limits.waiting_bytes
    }

    pub(super) fn are_idle(&self) -> bool {
        !self.mutation_runs && self.actions_run == 0 && self.mutations.is_empty() && self.actions.is_empty()
    }

    pub(super) fn drop_waiting(&mut self) {
        self.mutations.clear();
        self.actions.clear();
        self.waiting_bytes = 0;
    }

    fn taken(&mut self, request: &Request) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(request.arguments.len());
    }
}

impl Session {
    /// A call came in.
    pub(super) fn call(&mut self, kind: Kind, call: &Call<'_>) {
        let Some(opened) = self.opened else { return };
        let arguments = no_components(call.component_path.as_deref())
            .and_then(|()| arguments::of_call(call.args))
            .map(str::to_owned);
        let calls = &mut self.calls;
        let request = arguments.map(|arguments| Request {
            kind,
            id: RequestId {
                session: opened.session_id,
                request: call.request_id,
            },
            sent_before: opened.reconnected || calls.newest.is_some_and(|newest| call.request_id <= newest),
            path: call.udf_path.clone().into_owned(),
            arguments,
            asker: Asker {
                caller: self.caller,
                address: self.address,
            },
        });
        if let Ok(request) = &request {
            calls.waiting_bytes += request.arguments.len();
        }
        match (kind, request) {
            (Kind::Mutation, request) => {
                calls.newest = calls.newest.max(Some(call.request_id));
                calls
                    .mutations
                    .push_back(request.map_err(|error| (call.request_id, error)));
            }
            (Kind::Action, Ok(request)) => calls.actions.push_back(request),
            (Kind::Action, Err(error)) => {
                let frame = frames::action_failed(call.request_id, &Refusal::of(&error));
                self.output.push_back(Output::Frame(frame));
            }
        }
        self.start_calls();
    }

    /// Runs what may run.
    pub(super) fn start_calls(&mut self) {
        let (actions, unshown) = (self.host.limits.actions, self.host.limits.unshown);
        while self.calls.actions_run < actions
            && let Some(request) = self.calls.actions.pop_front()
        {
            self.calls.taken(&request);
            self.calls.actions_run += 1;
            self.output.push_back(Output::Call(request));
        }
        // A client that never stops calling must be shown the effects all the same.
        while !self.calls.mutation_runs
            && self.calls.unshown < unshown
            && let Some(next) = self.calls.mutations.pop_front()
        {
            match next {
                Ok(request) => {
                    self.calls.taken(&request);
                    self.calls.mutation_runs = true;
                    self.output.push_back(Output::Call(request));
                }
                Err((request_id, error)) => self.mutation_failed(request_id, &error),
            }
        }
    }

    /// A call was carried out. Everything that it changed must have been published.
    pub fn answered(&mut self, answer: Answer, at: Instant) {
        match answer {
            Answer::Mutation(..) => self.calls.mutation_runs = false,
            Answer::Action(..) => self.calls.actions_run = self.calls.actions_run.saturating_sub(1),
        }
        if self.closed || self.leaving.is_some() {
            return;
        }
        match readable(answer) {
            Answer::Mutation(request_id, Ok(answered)) => {
                if answered.repeated {
                    // It may have been committed by another process, and not be heard of here yet.
                    self.queries.refresh();
                }
                self.shown.cover(answered.ts, self.host.engine.position());
                self.shown.owe();
                self.calls.unshown += 1;
                self.send(frames::mutation_done(request_id, &answered.value, answered.ts), at);
            }
            // What became of it is not known. The client comes back and asks again, and gets the answer of record.
            Answer::Mutation(_, Err(error)) if is_unavailable(&error) => return self.close(Ending::TRANSIENT),
            Answer::Mutation(request_id, Err(error)) => self.mutation_failed(request_id, &error),
            Answer::Action(request_id, Ok(value)) => self.send(frames::action_done(request_id, &value), at),
            Answer::Action(request_id, Err(error)) => {
                self.send(frames::action_failed(request_id, &Refusal::of(&error)), at);
            }
        }
        self.start_calls();
    }

    /// Some clients learn of a failed mutation by the next transition only, so it too is owed one.
    fn mutation_failed(&mut self, request_id: u32, error: &Error) {
        let frame = frames::mutation_failed(request_id, &Refusal::of(error));
        self.output.push_back(Output::Frame(frame));
        self.shown.owe();
        self.calls.unshown += 1;
    }
}
