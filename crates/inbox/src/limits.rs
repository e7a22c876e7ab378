//! How often visitors and agents may boot, identify, send and search.
//!
//! Offices and mobile networks share an address, so limits by address are generous; the others are beyond what one person
//! does.

use opencom_runtime::Limit;

/// Booting and refreshing a visitor's session, by address.
pub const BOOT: Limit = Limit::new("boot", 2000, 1200);
/// Identifying a visitor, by address.
pub const IDENTIFY: Limit = Limit::new("identify", 2000, 1200);
/// Sending messages, by visitor or agent.
pub const SEND: Limit = Limit::new("send", 300, 120);
/// Searching, by visitor or agent, or by address for anonymous callers. Shared with the help center.
pub const SEARCH: Limit = Limit::new("search", 300, 300);

/// The limits of the context.
pub const LIMITS: &[Limit] = &[BOOT, IDENTIFY, SEND, SEARCH];
