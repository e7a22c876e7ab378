//! The context `inbox` against PostgreSQL.
#![expect(clippy::unwrap_used, reason = "tests")]

mod attachments;
mod budgets;
mod chat;
mod chat_plans;
mod concurrency;
mod conversations;
mod inbox;
mod live;
mod messages;
mod notifications;
mod statements;
