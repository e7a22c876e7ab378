#![doc = include_str!("../README.md")]
#![expect(clippy::expect_used, reason = "a test that cannot be set up must fail loudly")]

mod changes;
mod database;
pub mod judged;
mod kit;
mod people;
mod probe;
pub mod statements;

pub use changes::{Changes, Heard};
pub use database::Database;
pub use kit::{Contexts, Functions, Kit, MASTER_KEY, PUBLIC_URL, Parts, Settings, TEST_PEM};
pub use people::{Agent, Nobody, Person, Visitor, Workspace};
pub use probe::Probe;

/// The owners of tables and topics: the contexts, and the runtime.
pub const OWNERS: [&str; 4] = ["runtime", "admin", "inbox", "help-center"];
