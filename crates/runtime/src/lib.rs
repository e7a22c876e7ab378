//! What executes functions: the contexts that a service method gets, the database, access checks, change topics with
//! their caches and bus, jobs, uploads, and the registry that ties paths to methods.
//!
//! Knows no domain rule and no HTTP. A service method never commits, never spawns and never calls the outside world:
//! the dispatcher does, around it.

pub mod access;
pub mod audit;
pub mod bus;
pub mod clock;
pub mod context;
pub mod database;
pub mod dispatch;
pub mod files;
pub mod jobs;
pub mod limits;
pub mod path;
pub mod refusal;
pub mod registry;
pub mod requests;
pub mod reseal;
pub mod statement;
pub mod timestamp;
pub mod topic;
pub mod topics;
pub mod worker;

pub use clock::Clock;
pub use context::{ActionCx, Asker, Caller, MutationCx, QueryCx, Server};
pub use database::Pool;
pub use dispatch::{Dispatcher, Execution, LiveQuery};
pub use jobs::Job;
pub use registry::Registry;
pub use scoped_futures::ScopedFutureExt;
pub use topic::Topic;
pub use topics::Topics;

/// What service methods return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;
