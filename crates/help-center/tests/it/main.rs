//! The context's functions against a database, each test on one of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod articles;
mod collections;
mod concurrency;
mod embeddings;
mod feedback;
mod judged;
mod live;
mod nearest;
mod neighbours;
mod plans;
mod reading;
mod search;
mod support;
mod visitors;
