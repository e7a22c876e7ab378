//! What is sent is what official clients read, and what they send is understood: `convex_sync_types` is theirs.

use std::sync::Arc;

use convex_sync_types::{ClientMessage, ServerMessage, StateModification};
use opencom_core::Error;
use opencom_live::frames::{self, Clocks, Modification, Version};
use opencom_live::outcome::Outcome;
use opencom_live::protocol::{Change, ClientFrame, TokenType};
use opencom_runtime::refusal::Refusal;
use serde_json::{Value, json};

/// Any JSON, as the official types want a value to be.
#[derive(Debug, PartialEq)]
struct Any(Value);

impl TryFrom<Value> for Any {
    type Error = anyhow::Error;
    fn try_from(value: Value) -> anyhow::Result<Self> {
        Ok(Self(value))
    }
}

fn read(frame: &str) -> ServerMessage<Any> {
    let value: Value = serde_json::from_str(frame).unwrap();
    value.try_into().unwrap()
}

fn version(query_set: u32, identity: u32, ts: u64) -> Version {
    Version {
        query_set,
        identity,
        ts,
    }
}

#[test]
fn a_transition_is_read_by_the_official_types() {
    let shown = Arc::new(Outcome::of_result(r#"["a",{"e":3.0}]"#, Some("j")));
    let failed = Arc::new(Outcome::of_error(&Error::not_found("Article"), None));
    let modifications = [
        Modification::Removed(2),
        Modification::Shown(0, shown),
        Modification::Shown(1, failed),
    ];
    let clocks = Some(Clocks {
        skew: -5,
        server_ts: 1_795_336_643_000_000_000,
    });
    let frame = frames::transition(version(0, 0, 0), version(1, 2, 100), &modifications, clocks);
    let ServerMessage::Transition {
        start_version,
        end_version,
        modifications,
        client_clock_skew,
        server_ts,
    } = read(&frame)
    else {
        panic!("{frame}")
    };
    assert_eq!((start_version.query_set, start_version.identity), (0, 0));
    assert_eq!((end_version.query_set, end_version.identity), (1, 2));
    assert_eq!(u64::from(end_version.ts), 100);
    assert_eq!(client_clock_skew, Some(-5));
    assert!(server_ts.is_some());
    let [
        StateModification::QueryRemoved { query_id: removed },
        StateModification::QueryUpdated {
            query_id,
            value,
            journal,
            ..
        },
        StateModification::QueryFailed {
            query_id: failed,
            error_message,
            error_data,
            ..
        },
    ] = modifications.as_slice()
    else {
        panic!("{frame}")
    };
    assert_eq!((removed.get_id(), query_id.get_id(), failed.get_id()), (2, 0, 1));
    assert_eq!(*value, Any(json!(["a", { "e": 3.0 }])));
    assert_eq!(journal.as_deref(), Some("j"));
    assert_eq!(error_message, "Article not found");
    assert_eq!(
        *error_data,
        Some(Any(json!({ "code": "NOT_FOUND", "message": "Article not found" })))
    );
}

#[test]
fn clocks_are_there_together_or_not_at_all() {
    let frame = frames::transition(version(0, 0, 0), version(1, 0, 100), &[], None);
    assert_eq!(
        frame,
        r#"{"type":"Transition","startVersion":{"querySet":0,"identity":0,"ts":"AAAAAAAAAAA="},"endVersion":{"querySet":1,"identity":0,"ts":"ZAAAAAAAAAA="},"modifications":[]}"#
    );
}

#[test]
fn answers_are_read_by_the_official_types() {
    let refusal = Refusal::of(&Error::rate_limited("slow \"down\"", 5));
    let frames = [
        frames::mutation_done(7, r#""m1""#, 200),
        frames::mutation_failed(8, &refusal),
        frames::action_done(9, "null"),
        frames::action_failed(10, &refusal),
        frames::auth_error("no", 3, true),
        frames::fatal_error("no"),
        frames::PING.to_owned(),
    ];
    for frame in &frames {
        read(frame);
    }
    let ServerMessage::MutationResponse {
        request_id, result, ts, ..
    } = read(&frames[0])
    else {
        panic!("{}", frames[0])
    };
    assert_eq!((request_id, ts.map(u64::from)), (7, Some(200)));
    assert_eq!(result.unwrap(), Any(json!("m1")));
    let failed: Value = serde_json::from_str(&frames[1]).unwrap();
    assert_eq!(failed["result"], "slow \"down\"");
    assert_eq!(failed["errorData"]["retryAfterMs"], 5.0);
    let auth: Value = serde_json::from_str(&frames[4]).unwrap();
    assert_eq!(
        (&auth["baseVersion"], &auth["authUpdateAttempted"]),
        (&json!(3), &json!(true))
    );
}

#[test]
fn chunks_join_to_the_transition_that_was_cut() {
    let text = r#"{"type":"Transition","x":"é𝄞\"ü"}"#;
    for size in 1..text.len() + 1 {
        let chunks = frames::chunks(text, size, 1);
        let mut joined = String::new();
        for (number, chunk) in chunks.iter().enumerate() {
            let chunk: Value = serde_json::from_str(chunk).unwrap();
            assert_eq!(chunk["partNumber"], json!(number));
            assert_eq!(chunk["totalParts"], json!(chunks.len()));
            assert_eq!(chunk["transitionId"], "1");
            joined.push_str(chunk["chunk"].as_str().unwrap());
        }
        assert_eq!(joined, text);
    }
}

/// Frames that official clients were seen to send.
const SENT: [&str; 12] = [
    r#"{"type":"Connect","sessionId":"6fa459ea-ee8a-3ca4-894e-db77e160355e","connectionCount":0,"lastCloseReason":"InitialConnect","clientTs":1795336643000}"#,
    r#"{"type":"Connect","sessionId":"6fa459ea-ee8a-3ca4-894e-db77e160355e","connectionCount":1,"lastCloseReason":null,"maxObservedTimestamp":"ZAAAAAAAAAA=","clientTs":0}"#,
    r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]}"#,
    r#"{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":[{"type":"Add","queryId":0,"udfPath":"messages:list","args":[{"x":{"$integer":"AQAAAAAAAAA="}}],"journal":"J1"},{"type":"Remove","queryId":3}]}"#,
    r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":"a.js:b","args":[{}],"journal":null}]}"#,
    r#"{"type":"Mutation","requestId":0,"udfPath":"messages:send","args":[{"body":"h\"i"}]}"#,
    r#"{"type":"Action","requestId":1,"udfPath":"a:act","args":[{}]}"#,
    r#"{"type":"Authenticate","baseVersion":0,"tokenType":"User","value":"t1"}"#,
    r#"{"type":"Authenticate","baseVersion":2,"tokenType":"None"}"#,
    r#"{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"key","impersonating":{"subject":"x","issuer":"y"}}"#,
    r#"{"type":"Event","eventType":"NetworkRecoveryReconnect","event":{"any":[1]}}"#,
    r#"{"type":"Event","eventType":"ClientConnect","event":null}"#,
];

#[test]
fn what_official_clients_send_is_understood() {
    for sent in SENT {
        ClientFrame::parse(sent).unwrap_or_else(|error| panic!("{sent}: {error}"));
        let value: Value = serde_json::from_str(sent).unwrap();
        ClientMessage::try_from(value).unwrap_or_else(|error| panic!("{sent}: {error}"));
    }
    let ClientFrame::Connect(connect) = ClientFrame::parse(SENT[1]).unwrap() else {
        panic!()
    };
    assert_eq!(
        (connect.connection_count, connect.max_observed_timestamp),
        (1, Some(100))
    );
    let ClientFrame::ModifyQuerySet(change) = ClientFrame::parse(SENT[3]).unwrap() else {
        panic!()
    };
    assert_eq!((change.base_version, change.new_version), (1, 2));
    assert_eq!(change.modifications[0].journal.as_deref(), Some("J1"));
    assert_eq!(change.modifications[1].kind, Change::Remove);
    let ClientFrame::Mutation(call) = ClientFrame::parse(SENT[5]).unwrap() else {
        panic!()
    };
    assert_eq!(call.args.unwrap().get(), r#"[{"body":"h\"i"}]"#);
    let ClientFrame::Authenticate(authenticate) = ClientFrame::parse(SENT[9]).unwrap() else {
        panic!()
    };
    assert_eq!(authenticate.token_type, TokenType::Admin);
}

#[test]
fn a_bad_path_is_no_reason_to_refuse_the_frame() {
    for path in ["a-b:c", "../x:y", "", "ä:b", "a:b:c"] {
        let frame = json!({ "type": "Mutation", "requestId": 1, "udfPath": path, "args": [1, 2] }).to_string();
        ClientFrame::parse(&frame).unwrap();
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    for frame in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"type":"Hello"}"#,
        r#"{"type":"Connect","sessionId":"x"}"#,
        r#"{"type":"Connect","sessionId":"6fa459ea-ee8a-3ca4-894e-db77e160355e","maxObservedTimestamp":"x"}"#,
        r#"{"type":"Mutation","requestId":-1,"udfPath":"a:b"}"#,
        r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1}"#,
        r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Change","queryId":0}]}"#,
        r#"{"type":"Authenticate","baseVersion":0,"tokenType":"Other"}"#,
    ] {
        ClientFrame::parse(frame).unwrap_err();
    }
}
