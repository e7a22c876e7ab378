//! What tests stand on: a PostgreSQL of their own, a database for each test, the composed services without HTTP, people
//! to act as, and the live-consistency probe. Never part of the product.
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
pub use kit::{Functions, Kit, MASTER_KEY, Settings, TEST_PEM};
pub use people::{Agent, Nobody, Person, Visitor, Workspace};
pub use probe::Probe;
