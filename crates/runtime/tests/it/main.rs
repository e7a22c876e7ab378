//! Transactions, jobs, the bus and the schema, on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod bus;
mod jobs;
mod schema;
mod transactions;

use std::sync::Arc;

use opencom_testkit::{Kit, Settings};

/// The runtime without any context.
async fn kit() -> Kit {
    kit_with(Settings::default()).await
}

async fn kit_with(settings: Settings) -> Kit {
    Kit::start_with(settings, Arc::new(|_| Vec::new())).await
}
