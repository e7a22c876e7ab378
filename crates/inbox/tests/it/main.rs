//! The context `inbox` against PostgreSQL.
#![expect(clippy::unwrap_used, reason = "tests")]

mod attachments;
mod chat;
mod concurrency;
mod conversations;
mod inbox;
mod live;
mod messages;
mod notifications;
mod plans;
