//! What values on the wire have to look like for the strictest of the official clients.

use serde_json::Value;

/// Fails for a value that makes the JavaScript client throw, or the Python one: a forbidden key, a JSON integer.
pub(crate) fn assert_acceptable(value: &Value) {
    match value {
        Value::Number(number) => assert!(number.is_f64(), "{number} is written without a point"),
        Value::Array(elements) => elements.iter().for_each(assert_acceptable),
        Value::Object(fields) => {
            let encoded = fields.len() == 1
                && ["$integer", "$float", "$bytes"]
                    .iter()
                    .any(|key| fields.contains_key(*key));
            for (key, value) in fields {
                let plain =
                    key.len() <= 1024 && !key.starts_with('$') && key.bytes().all(|byte| (32..=126).contains(&byte));
                assert!(plain || encoded, "the key {key:?} freezes JavaScript clients");
                assert_acceptable(value);
            }
        }
        _ => {}
    }
}

/// Fails for the data of an error that is there and says nothing: clients take `null` for data.
pub(crate) fn assert_error_data(holder: &Value) {
    if let Some(data) = holder.get("errorData") {
        assert!(!data.is_null(), "{holder}");
        assert_acceptable(data);
    }
}
