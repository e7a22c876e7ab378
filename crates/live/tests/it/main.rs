//! Engine and sessions in every order of events, without sockets and without a database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod client;
mod engine;
mod frames;
mod model;
mod session;
mod world;
