//! The sync socket, through real sockets.

mod authentication;
mod chat;
mod consistency;
mod convex_client;
mod faults;
mod held;
mod killed;
mod ledger;
mod limits;
mod notes;
mod once;
mod order;
mod pressure;
mod proxy;
mod refusals;
mod replicas;
mod rotation;
mod routes;
pub(crate) mod socket;
mod subscriptions;
mod values;
mod vectors;
