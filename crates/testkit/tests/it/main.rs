//! Tests of what everything stands on: the schema, the migrations, transactions, jobs and the bus; and of the whole
//! catalogue of functions at once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod access;
mod arguments;
mod bus;
mod catalogue;
mod exceptions;
mod jobs;
mod live;
mod openapi;
mod principal;
mod roles;
mod rows;
mod schema;
mod shape;
mod transactions;
mod world;
