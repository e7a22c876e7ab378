//! Errors as callers see them, and what the log sees of our own faults.

use opencom_core::error::ErrorData;
use opencom_core::{Code, Error};
use serde::Serialize;

/// An error as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The text that people see.
    pub message: String,
    /// `{code, message, …}` as JSON.
    pub data: String,
}

/// A new name for a call: 16 hex digits.
pub fn request_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Refusal {
    /// The refusal that an error stands for. A fault of our own is logged here under a new request id, and shows nothing
    /// else.
    pub fn of(error: &Error) -> Self {
        Self::of_request(error, request_id())
    }

    /// The same, for a call that has a name already.
    pub fn of_request(error: &Error, request_id: String) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Data<'a> {
            code: Code,
            message: &'a str,
            #[serde(flatten)]
            data: &'a ErrorData,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a String>,
        }
        let ours = error.code() == Code::InternalError;
        let message = if ours {
            tracing::error!(
                request_id,
                cause = error.cause().map(tracing::field::debug),
                "a function failed"
            );
            format!("[Request ID: {request_id}] Server Error")
        } else {
            error.message().to_owned()
        };
        let data = Data {
            code: error.code(),
            message: &message,
            data: error.data(),
            request_id: ours.then_some(&request_id),
        };
        // Texts and numbers always have a JSON form.
        let data = serde_json::to_string(&data).unwrap_or_default();
        Self { message, data }
    }
}
