//! The wire shape of each function's result, as a snapshot for each module of the contract. What differs from run to run is
//! replaced by its type, after a check that it is one.

use std::collections::BTreeMap;

use insta::{assert_json_snapshot, with_settings};
use opencom_contract::{Who, catalogue};
use serde_json::Value;

use crate::catalogue::arguments::somebody;
use crate::catalogue::world::World;
use crate::kit::kit;

/// Milliseconds of the years 2001 to 2096: every time of a test, and no other number.
const TIMES: std::ops::Range<f64> = 1e12..4e12;

/// Replaces what differs from run to run in a result.
fn redacted(key: &str, value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|number| TIMES.contains(&number)) => {
            let time = number.as_f64().unwrap();
            assert!(time.fract() == 0.0, "{key} is no whole number of milliseconds: {time}");
            "[time]".into()
        }
        Value::String(text) => redacted_text(key, &text).into(),
        Value::Array(elements) => elements.into_iter().map(|element| redacted(key, element)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (redacted_text("", &key), redacted(&key, value)))
            .collect(),
        other => other,
    }
}

fn redacted_text(key: &str, text: &str) -> String {
    let is_secret = text.len() >= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if text.starts_with("wst_") {
        assert!(is_secret, "{key} is no session token: {text}");
        return "[session token]".to_owned();
    }
    if text.starts_with("eyJ") {
        assert_eq!(text.split('.').count(), 3, "{key} is no JWT: {text}");
        return "[JWT]".to_owned();
    }
    if ["secret", "refreshToken"].contains(&key) {
        assert!(is_secret, "{key} is no secret: {text}");
        return "[secret]".to_owned();
    }
    if key == "emailMessageId" {
        let (local, domain) = text.split_once('@').unwrap();
        assert_eq!((local.split('.').count(), domain), (3, "mail.opencom.app>"), "{text}");
        return "[message id]".to_owned();
    }
    if key == "forwardingAddress" {
        let local = text
            .strip_prefix("inbox-")
            .and_then(|text| text.strip_suffix("@mail.opencom.app"));
        assert!(
            local.is_some_and(|local| local.len() == 8 && local.bytes().all(|byte| byte.is_ascii_hexdigit())),
            "{text}"
        );
        return "[forwarding address]".to_owned();
    }
    if let Some((url, token)) = text.split_once("?token=") {
        assert!(
            token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{text}"
        );
        return format!("{url}?token=[token]");
    }
    if key == "readableId" {
        assert_eq!(text.split('-').count(), 3, "{key} is no readable id: {text}");
        return "[readable id]".to_owned();
    }
    without_ids(text)
}

/// Replaces each run of 32 hex digits: an id, wherever in a text.
fn without_ids(text: &str) -> String {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_hex) {
        let run = rest[start..].find(|c| !is_hex(c)).unwrap_or(rest.len() - start);
        out.push_str(&rest[..start]);
        out.push_str(if run == 32 { "[id]" } else { &rest[start..start + run] });
        rest = &rest[start + run..];
    }
    out + rest
}

#[tokio::test]
async fn results_keep_their_shape() {
    let kit = kit().await;
    let mut modules: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for function in catalogue().filter(|function| function.access.who != Who::Internal) {
        let world = World::new(&kit).await;
        let asker = somebody(&world, function);
        let arguments = world.arguments(function.path, &asker).await;
        let value = kit.call_json(&asker, function.path, arguments).await.unwrap();
        let (module, name) = function.path.split_once(':').unwrap();
        modules.entry(module).or_default().insert(name, redacted("", value));
    }
    with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        for (module, results) in modules {
            assert_json_snapshot!(module, results);
        }
    });
}
