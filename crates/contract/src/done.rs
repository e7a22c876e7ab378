//! The answer of mutations that have nothing else to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// It was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Always `true`.
    pub success: bool,
}

impl Done {
    /// It was done.
    pub const DONE: Self = Self { success: true };
}
