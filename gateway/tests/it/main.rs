//! The product through its real faces: HTTP on a socket, and the binary itself.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on must fail"
)]

mod between_contexts;
mod binary;
mod catalogue;
mod commands;
mod demo;
mod discovery;
mod email;
mod functions;
mod kit;
mod limits;
mod measurements;
mod openapi;
mod operations;
mod refusals;
mod secrets;
mod storage;
mod sync;
mod upkeep;
mod wire;
