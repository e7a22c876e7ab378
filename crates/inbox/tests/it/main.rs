//! The context's functions against a database, each test on one of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

mod plans;
mod support;
mod visitor_merge;
mod visitors;
mod widget_sessions;
