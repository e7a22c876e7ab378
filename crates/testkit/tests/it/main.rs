//! Tests of what everything stands on: the schema, the migrations, transactions, jobs and the bus; and of the whole
//! catalogue of functions at once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod bus;
mod jobs;
mod schema;
mod transactions;
