//! Events that visitors' apps track. The function is not part of the [`catalogue`](crate::catalogue) as long as no context
//! serves it: until then every count is 0.

use bon::Builder;
use opencom_core::Int;
use opencom_core::id::VisitorId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::function::{INTERNAL, functions};

functions! {
    InternalCount: query "events:internalCount" -> Vec<Int>, INTERNAL;
}

/// How many events a visitor has in each of these windows, in their order.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct InternalCount {
    /// The visitor.
    pub visitor_id: VisitorId,
    /// The windows.
    pub windows: Vec<CountedWindow>,
}

/// Events of one name in a window of time that ends now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountedWindow {
    /// The events' name.
    pub name: String,
    /// The length of the window, in days; absent: since the visitor's first event.
    pub within_days: Option<f64>,
}
