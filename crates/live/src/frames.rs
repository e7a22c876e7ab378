//! What is sent over the sync socket. Written by hand: results are JSON already and are spliced in as they are.

use std::fmt::Write;
use std::sync::Arc;

use opencom_core::auth::token::base64_u64;
use opencom_runtime::refusal::Refusal;

use crate::outcome::{Outcome, json};

/// Says that the server is there. Clients give up on one that is silent for a minute.
pub const PING: &str = r#"{"type":"Ping"}"#;

/// What a client has been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Of the set of queries.
    pub query_set: u32,
    /// Of the identity.
    pub identity: u32,
    /// The moment of the results, in nanoseconds.
    pub ts: u64,
}

/// The clocks of both sides, for clients that measure how long frames take.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// The client's clock minus the server's, in milliseconds.
    pub skew: i64,
    /// The server's, in nanoseconds.
    pub server_ts: u64,
}

/// What a transition says of one query.
#[derive(Clone, Debug)]
pub enum Modification {
    /// Its outcome changed.
    Shown(u32, Arc<Outcome>),
    /// It is held no longer.
    Removed(u32),
}

/// Takes a client from one version to another.
pub fn transition(start: Version, end: Version, modifications: &[Modification], clocks: Option<Clocks>) -> String {
    let size = modifications.iter().map(|modification| match modification {
        Modification::Shown(_, outcome) => outcome.size(),
        Modification::Removed(_) => 48,
    });
    let mut frame = String::with_capacity(256 + size.sum::<usize>());
    frame.push_str(r#"{"type":"Transition","startVersion":"#);
    write_version(start, &mut frame);
    frame.push_str(r#","endVersion":"#);
    write_version(end, &mut frame);
    frame.push_str(r#","modifications":["#);
    for (index, modification) in modifications.iter().enumerate() {
        if index > 0 {
            frame.push(',');
        }
        match modification {
            Modification::Shown(query_id, outcome) => outcome.write(*query_id, &mut frame),
            Modification::Removed(query_id) => {
                push(
                    &mut frame,
                    format_args!(r#"{{"type":"QueryRemoved","queryId":{query_id}}}"#),
                );
            }
        }
    }
    frame.push(']');
    if let Some(Clocks { skew, server_ts }) = clocks {
        push(
            &mut frame,
            format_args!(r#","clientClockSkew":{skew},"serverTs":{server_ts}"#),
        );
    }
    frame.push('}');
    frame
}

fn write_version(version: Version, to: &mut String) {
    let Version {
        query_set,
        identity,
        ts,
    } = version;
    let ts = base64_u64(ts);
    push(
        to,
        format_args!(r#"{{"querySet":{query_set},"identity":{identity},"ts":"{ts}"}}"#),
    );
}

fn push(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _always = to.write_fmt(text);
}

/// Answers a mutation that committed at `ts`.
pub fn mutation_done(request_id: u32, result: &str, ts: u64) -> String {
    let ts = base64_u64(ts);
    format!(
        r#"{{"type":"MutationResponse","requestId":{request_id},"success":true,"result":{result},"ts":"{ts}","logLines":[]}}"#
    )
}

/// Answers a mutation that changed nothing.
pub fn mutation_failed(request_id: u32, refusal: &Refusal) -> String {
    let (message, data) = (json(Some(&refusal.message)), &refusal.data);
    format!(
        r#"{{"type":"MutationResponse","requestId":{request_id},"success":false,"result":{message},"ts":null,"logLines":[],"errorData":{data}}}"#
    )
}

/// Answers an action.
pub fn action_done(request_id: u32, result: &str) -> String {
    format!(r#"{{"type":"ActionResponse","requestId":{request_id},"success":true,"result":{result},"logLines":[]}}"#)
}

/// Answers an action that failed.
pub fn action_failed(request_id: u32, refusal: &Refusal) -> String {
    let (message, data) = (json(Some(&refusal.message)), &refusal.data);
    format!(
        r#"{{"type":"ActionResponse","requestId":{request_id},"success":false,"result":{message},"logLines":[],"errorData":{data}}}"#
    )
}

/// Refuses a token, or says that it has run out. `base_version` is the one that it would have changed, or stands for.
pub fn auth_error(error: &str, base_version: u32, attempted: bool) -> String {
    let error = json(Some(error));
    format!(r#"{{"type":"AuthError","error":{error},"baseVersion":{base_version},"authUpdateAttempted":{attempted}}}"#)
}

/// Ends a connection that broke the protocol. The npm client stops for good, so this is for nothing else.
pub fn fatal_error(error: &str) -> String {
    format!(r#"{{"type":"FatalError","error":{}}}"#, json(Some(error)))
}

/// Cuts a transition into parts of at most `size` bytes each, for clients that join them again.
pub fn chunks(transition: &str, size: usize, id: u64) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = transition;
    while !rest.is_empty() {
        let end = rest.floor_char_boundary(size.max(4));
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    let total = parts.len();
    (parts.into_iter().enumerate())
        .map(|(number, part)| {
            let chunk = json(Some(part));
            format!(
                r#"{{"type":"TransitionChunk","chunk":{chunk},"partNumber":{number},"totalParts":{total},"transitionId":"{id}"}}"#
            )
        })
        .collect()
}
