//! Runs functions: finds the method, opens the unit of work, commits, publishes.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, TransactionManager};
use opencom_contract::{Kind, Who};
use opencom_core::{Code, Error, Millis, Result};
use rand::RngExt;
use scoped_futures::{ScopedBoxFuture, ScopedFutureExt};

use crate::context::{ActionCx, Caller, MutationCx, QueryCx, Server};
use crate::database::{Pool, is_worth_another_try};
use crate::registry::{Method, Registry};
use crate::topics::Sequence;
use crate::{Topic, jobs, path};

type Transactions = <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager;

/// How often a transaction is run when the database asks for another try.
const TRIES: u32 = 6;

/// Runs functions on one pool. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    registry: Arc<Registry>,
    server: Arc<Server>,
    pool: Pool,
}

/// The result of a query, and what it rests on.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The result as JSON.
    pub value: String,
    /// What was read.
    pub reads: Vec<Topic>,
    /// Until when the result holds, whatever is published.
    pub holds_until: Option<Millis>,
    /// Where the order of changes stood before the query ran.
    pub since: Sequence,
}

impl Dispatcher {
    /// Runs the functions of `registry` on `pool`.
    pub fn new(registry: Arc<Registry>, server: Arc<Server>, pool: Pool) -> Self {
        Self { registry, server, pool }
    }

    /// What all functions share.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The registered form of a path; `None` when there is no such function.
    pub fn registered_path(&self, path: &str) -> Option<&'static str> {
        self.registry
            .function(&path::canonical(path).ok()?)
            .map(|(descriptor, _)| descriptor.path)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Runs a function of the kind that the caller asked for.
    ///
    /// # Errors
    /// What the function refuses; `NOT_FOUND` for a path that does not exist or is internal; `INVALID_INPUT` for
    /// another kind.
    pub async fn call(&self, kind: Kind, path: &str, arguments: &str, caller: Caller) -> Result<String> {
        match kind {
            Kind::Query => Ok(self.query(path, arguments, caller).await?.value),
            Kind::Mutation | Kind::Action => {
                let path = path::canonical(path)?;
                self.find(&path, kind, false)?;
                self.run_to_the_end(path.into_owned(), arguments.to_owned(), caller)
                    .await
            }
        }
    }

    /// Runs a function of whatever kind it is.
    pub async fn call_any(&self, path: &str, arguments: &str, caller: Caller) -> Result<String> {
        let canonical = path::canonical(path)?;
        let (descriptor, _) = self.registry.function(&canonical).ok_or_else(|| unknown(&canonical))?;
        self.call(descriptor.kind, path, arguments, caller).await
    }

    /// Runs a query, and says what the result rests on.
    pub async fn query(&self, path: &str, arguments: &str, caller: Caller) -> Result<Execution> {
        let path = path::canonical(path)?;
        let since = self.server.topics.sequence();
        if self.registry.function(&path).is_none()
            && let Some(value) = self.registry.absent(&path)
        {
            return Ok(Execution {
                value: value.to_owned(),
                reads: Vec::new(),
                holds_until: None,
                since,
            });
        }
        let Method::Query(method) = self.find(&path, Kind::Query, false)? else {
            return Err(unknown(&path));
        };
        let mut cx = self.query_cx(caller);
        let value = method(&mut cx, arguments).await?;
        let (reads, holds_until) = cx.into_reads();
        Ok(Execution {
            value,
            reads,
            holds_until,
            since,
        })
    }

    /// Runs a mutation that may be internal.
    pub async fn internal_mutation(&self, path: &str, arguments: &str, caller: Caller) -> Result<String> {
        self.find(path, Kind::Mutation, true)?;
        self.run_to_the_end(path.to_owned(), arguments.to_owned(), caller).await
    }

    /// Runs a mutation or an action as a task of its own: a caller who hangs up does not stop it between commit and
    /// publication, and a panic stays inside.
    async fn run_to_the_end(&self, path: String, arguments: String, caller: Caller) -> Result<String> {
        let this = self.clone();
        let run = async move {
            match this.registry.function(&path) {
                Some((_, Method::Mutation(method))) => {
                    let arguments = &arguments;
                    this.transaction(caller, |cx| method(cx, arguments).scope_boxed()).await
                }
                Some((_, Method::Action(method))) => method(&mut this.action_cx(caller), &arguments).await,
                _ => Err(unknown(&path)),
            }
        };
        tokio::spawn(run).await.map_err(Error::internal)?
    }

    /// Runs `write` in a transaction; again, a few times, when the database asks for it.
    pub async fn transaction<'env, T: Send>(
        &self,
        caller: Caller,
        write: impl for<'a> Fn(&'a mut MutationCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let mut tries = 1;
        loop {
            match self.try_transaction(caller, &write).await {
                Err(error) if tries < TRIES && is_worth_another_try(&error) => {
                    metrics::counter!("opencom_transaction_retries_total").increment(1);
                    tokio::time::sleep(pause_before(tries)).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_transaction<'env, T: Send>(
        &self,
        caller: Caller,
        write: &(impl for<'a> Fn(&'a mut MutationCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send + Sync),
    ) -> Result<T> {
        let mut cx = MutationCx::new(self.query_cx(caller));
        Transactions::begin_transaction(cx.connection().await?).await?;
        let outcome = async {
            let value = write(&mut cx).await?;
            let queued = cx.take_jobs();
            if !queued.is_empty() {
                jobs::insert(cx.connection().await?, &queued).await?;
            }
            Ok((value, queued.is_empty()))
        }
        .await;
        match outcome {
            Ok((value, no_jobs)) => {
                let committed = Transactions::commit_transaction(cx.connection().await?).await;
                // Also when the answer to COMMIT got lost: it may have happened, and publishing too much does no harm.
                self.server.topics.publish(&cx.into_writes());
                committed?;
                if !no_jobs {
                    jobs::wake_workers();
                }
                Ok(value)
            }
            Err(error) => {
                // A connection that cannot even roll back is broken; the pool discards it.
                if let Err(rollback) = Transactions::rollback_transaction(cx.connection().await?).await {
                    tracing::debug!(error = &rollback as &dyn std::error::Error, "a rollback failed");
                }
                Err(error)
            }
        }
    }

    pub(crate) fn query_cx(&self, caller: Caller) -> QueryCx {
        QueryCx::new(Arc::clone(&self.server), self.pool.clone(), caller)
    }

    /// A unit of work for an action or a job.
    pub fn action_cx(&self, caller: Caller) -> ActionCx {
        ActionCx::new(self.clone(), caller)
    }

    fn find(&self, path: &str, kind: Kind, internal: bool) -> Result<&Method> {
        let (descriptor, method) = self.registry.function(path).ok_or_else(|| unknown(path))?;
        if descriptor.access.who == Who::Internal && !internal {
            return Err(unknown(path));
        }
        if descriptor.kind != kind {
            return Err(Error::invalid(
                "path",
                format!(
                    "Trying to execute {path} as {kind:?}, but it is defined as {:?}.",
                    descriptor.kind
                ),
            ));
        }
        Ok(method)
    }
}

/// A few milliseconds, more with every try, and different for those that ran into each other.
fn pause_before(tries: u32) -> Duration {
    Duration::from_millis(rand::rng().random_range(0..=1_u64 << tries))
}

fn unknown(path: &str) -> Error {
    Error::new(Code::NotFound, format!("Could not find public function for '{path}'."))
}
