//! The context's functions against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clean_up;
mod code;
mod keys;
mod live;
mod password;
mod profile;
mod session;
mod support;
mod workspaces;
