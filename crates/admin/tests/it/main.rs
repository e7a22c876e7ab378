//! The context's functions against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit_logs;
mod audit_plans;
mod clean_up;
mod code;
mod identity_verification;
mod invitations;
mod keys;
mod live;
mod members;
mod password;
mod profile;
mod session;
mod settings;
mod support;
mod workspaces;
