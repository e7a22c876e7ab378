//! Live queries and the sync protocol.
//!
//! - [`engine`]: which queries are held, what each rests on, which have to run again. Equal subscriptions share one
//!   execution.
//! - [`executor`]: runs them.
//! - [`session`]: one connection of a client: what it sent, what it was shown, what it is owed.
//! - [`protocol`], [`frames`]: what comes in and what goes out.
//!
//! Engine and session do no I/O and start nothing, so that tests can try every order of events. Sockets are the
//! gateway's.

pub mod arguments;
pub mod engine;
pub mod executor;
pub mod frames;
pub mod outcome;
pub mod protocol;
pub mod session;

pub use engine::Engine;
pub use session::Session;
