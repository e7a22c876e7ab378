#![doc = include_str!("../README.md")]

pub mod access;
pub mod bus;
pub mod clock;
pub mod context;
pub mod database;
pub mod dispatch;
pub mod files;
pub mod handle;
pub mod health;
pub mod jobs;
pub mod keyset;
pub mod limits;
pub mod path;
pub mod query;
pub mod refusal;
pub mod registry;
pub mod requests;
pub mod reseal;
pub mod statement;
pub mod timestamp;
pub mod topic;
pub mod topics;
pub mod unit_of_work;
pub mod worker;

pub use clock::Clock;
pub use context::{Context, Process};
pub use database::Pool;
pub use dispatch::{Dispatcher, Execution, LiveQuery};
pub use handle::{Handle, Listen, Perform};
pub use jobs::Job;
pub use limits::Limit;
#[doc(hidden)]
pub use opencom_contract as contract;
pub use query::RunQueryDsl;
pub use registry::{FunctionHandle, Registry};
pub use scoped_futures::ScopedFutureExt;
pub use topic::Topic;
pub use topics::Topics;
pub use unit_of_work::{ActionCx, Asker, Caller, MutationCx, QueryCx, Server};

/// What service methods return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;
