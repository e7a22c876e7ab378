//! How often callers may search.

use opencom_runtime::Limit;

/// Searching, by visitor or agent, or by address for anonymous callers. Shared with the inbox.
pub const SEARCH: Limit = Limit::new("search", 300, 300);

/// The limits of the context.
pub const LIMITS: &[Limit] = &[SEARCH];
