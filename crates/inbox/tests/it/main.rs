//! The context's functions against a database, each test on one of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

mod attachments;
mod budgets;
mod chat;
mod chat_plans;
mod concurrency;
mod conversations;
mod email_inbound;
mod email_outbound;
mod email_reading;
mod email_support;
mod inbox;
mod live;
mod messages;
mod notifications;
mod smtp;
mod snippets;
mod statements;
mod support;
mod tags;
mod ticket_notifications;
mod tickets;
mod visitor_merge;
mod visitor_plans;
mod visitors;
mod widget_sessions;
