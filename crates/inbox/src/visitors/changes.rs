//! What changed about a visitor, as series want to know it.

use opencom_contract::visitors::{ChangeSource, VisitorChange};
use opencom_core::Attributes;
use serde_json::Value;

use super::rows::VisitorRow;

/// Every field and custom attribute that reads differently after than before.
pub(super) fn between(before: &VisitorRow, after: &VisitorRow) -> Vec<VisitorChange> {
    let fields = [
        ("email", &before.email, &after.email),
        ("name", &before.name, &after.name),
        ("externalUserId", &before.external_user_id, &after.external_user_id),
    ];
    let state = fields
        .into_iter()
        .map(|(key, from, to)| change(ChangeSource::State, key, from.clone(), to.clone()));

    let (none, text) = (Attributes::default(), |value: Option<&Value>| value.and_then(as_text));
    let old = before.custom_attributes.as_ref().unwrap_or(&none);
    let new = after.custom_attributes.as_ref().unwrap_or(&none);
    // Attributes are laid over each other, so that a key is never lost.
    let attributes = new
        .iter()
        .map(|(key, value)| change(ChangeSource::Attribute, key, text(old.get(key)), as_text(value)));

    state
        .chain(attributes)
        .filter(|change| change.from != change.to)
        .collect()
}

fn change(source: ChangeSource, key: &str, from: Option<String>, to: Option<String>) -> VisitorChange {
    VisitorChange {
        source,
        key: key.to_owned(),
        from,
        to,
    }
}

/// A value as text: texts as they are, everything else as JavaScript prints it, `null` as nothing.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(json_text(other)),
    }
}

/// JSON with numbers as JavaScript writes them and keys in a fixed order: the database keeps neither the spelling of a
/// number nor the order of keys.
fn json_text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), number_text),
        Value::Array(elements) => format!("[{}]", elements.iter().map(json_text).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), json_text(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// A number as JavaScript prints it: whole numbers without a point, exponents beyond 1e21 and below 1e-6.
fn number_text(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use opencom_core::Millis;
    use opencom_core::id::{VisitorId, WorkspaceId};
    use serde_json::json;

    use super::*;

    fn visitor(email: Option<&str>, attributes: Value) -> VisitorRow {
        VisitorRow {
            id: VisitorId::generate(),
            workspace_id: WorkspaceId::generate(),
            session_id: "s".to_owned(),
            user_id: None,
            readable_id: None,
            email: email.map(str::to_owned),
            name: None,
            external_user_id: None,
            location: None,
            device: None,
            referrer: None,
            current_url: None,
            custom_attributes: serde_json::from_value(attributes).unwrap(),
            first_seen_at: None,
            last_seen_at: None,
            created_at: Millis(0),
            identity_verified: None,
            identity_verified_at: None,
        }
    }

    fn told(before: &VisitorRow, after: &VisitorRow) -> Vec<(ChangeSource, String, Option<String>, Option<String>)> {
        between(before, after)
            .into_iter()
            .map(|c| (c.source, c.key, c.from, c.to))
            .collect()
    }

    #[test]
    fn fields_and_attributes_that_differ_are_told_as_texts() {
        let before = visitor(None, json!({"plan": "free", "seats": 3, "same": true, "gone": 1}));
        let after = visitor(
            Some("a@b.c"),
            json!({"plan": "pro", "seats": 4.5, "same": true, "gone": null, "tags": ["a", 1]}),
        );
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(&before, &after),
            [
                (ChangeSource::State, "email".to_owned(), None, text("a@b.c")),
                (ChangeSource::Attribute, "gone".to_owned(), text("1"), None),
                (ChangeSource::Attribute, "plan".to_owned(), text("free"), text("pro")),
                (ChangeSource::Attribute, "seats".to_owned(), text("3"), text("4.5")),
                (ChangeSource::Attribute, "tags".to_owned(), None, text(r#"["a",1]"#)),
            ]
        );
    }

    #[test]
    fn the_spelling_of_numbers_and_the_order_of_keys_are_no_change() {
        let before = visitor(None, json!({"a": 1.0, "b": {"x": 1.0, "y": [2]}, "c": null}));
        let after = visitor(None, json!({"a": 1, "b": {"y": [2.0], "x": 1}}));
        assert_eq!(told(&before, &after), []);
    }

    #[test]
    fn numbers_read_as_javascript_prints_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }
}
