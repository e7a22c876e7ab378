//! The context's functions against a database, each test on one of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;
mod widget_sessions;
