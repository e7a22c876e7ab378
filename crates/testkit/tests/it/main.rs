//! Tests of what everything stands on: the schema, the migrations, the transactions and the jobs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod schema;
