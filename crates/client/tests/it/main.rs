//! The client against the server, and against servers that fail.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod agents;
mod failures;
#[path = "../../../../gateway/tests/it/kit.rs"]
mod kit;
mod live;
mod server;
mod visitors;

/// The example, as a part of the tests: so it goes on working.
#[path = "../../examples/bot.rs"]
#[expect(dead_code, reason = "its main")]
mod bot;
