//! Runs functions: finds the method, opens the unit of work, commits, publishes.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, TransactionManager};
use opencom_contract::{Kind, Who};
use opencom_core::{Code, Error, Millis, Result};
use rand::RngExt;
use scoped_futures::{ScopedBoxFuture, ScopedFutureExt};

use crate::context::{ActionCx, Asker, MutationCx, QueryCx, Server};
use crate::database::{Pool, is_worth_another_try};
use crate::registry::{Method, Registry};
use crate::requests::{Answered, RequestId};
use crate::topics::Sequence;
use crate::{Topic, jobs, path, requests};

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

/// A query that somebody keeps up to date.
#[derive(Clone, Copy, Debug)]
pub struct LiveQuery<'a> {
    /// The function's path, as it was sent.
    pub path: &'a str,
    /// The arguments, as JSON.
    pub arguments: &'a str,
    /// Who asks.
    pub asker: Asker,
    /// What the last execution kept.
    pub journal: Option<&'a str>,
    /// Whether the last execution gave a result and not an error.
    pub resumed: bool,
}

/// The outcome of a query, good or bad, and what it rests on.
#[derive(Debug)]
pub struct Execution {
    /// The result as JSON, or why there is none.
    pub outcome: Result<String>,
    /// What was read.
    pub reads: Vec<Topic>,
    /// Until when the outcome holds, whatever is published.
    pub holds_until: Option<Millis>,
    /// Where the order of changes stood before the query ran.
    pub since: Sequence,
    /// What the query keeps for its next execution.
    pub journal: Option<String>,
    /// Whether the result is for those only who have had the last one: a new caller might be refused.
    pub rests_on_grace: bool,
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
    pub async fn call(&self, kind: Kind, path: &str, arguments: &str, asker: impl Into<Asker>) -> Result<String> {
        match kind {
            Kind::Query => self.query(path, arguments, asker).await.outcome,
            Kind::Mutation | Kind::Action => {
                let path = path::canonical(path)?;
                self.find(&path, kind, false)?;
                self.run_to_the_end(path.into_owned(), arguments.to_owned(), asker.into())
                    .await
            }
        }
    }

    /// Runs a function of whatever kind it is.
    pub async fn call_any(&self, path: &str, arguments: &str, asker: impl Into<Asker>) -> Result<String> {
        let canonical = path::canonical(path)?;
        let (descriptor, _) = self.registry.function(&canonical).ok_or_else(|| unknown(&canonical))?;
        self.call(descriptor.kind, path, arguments, asker).await
    }

    /// Runs a query, and says what the outcome rests on.
    pub async fn query(&self, path: &str, arguments: &str, asker: impl Into<Asker>) -> Execution {
        self.live_query(LiveQuery {
            path,
            arguments,
            asker: asker.into(),
            journal: None,
            resumed: false,
        })
        .await
    }

    /// Runs a query again that is kept up to date.
    pub async fn live_query(&self, query: LiveQuery<'_>) -> Execution {
        let since = self.server.topics.sequence();
        let journal = query.journal.map(str::to_owned);
        let mut cx = self.query_cx(query.asker).continued(journal, query.resumed);
        let outcome = self.run_query(&mut cx, query.path, query.arguments).await;
        let basis = cx.into_basis();
        Execution {
            outcome,
            reads: basis.reads,
            holds_until: basis.holds_until,
            since,
            journal: basis.journal,
            rests_on_grace: basis.rests_on_grace,
        }
    }

    async fn run_query(&self, cx: &mut QueryCx, path: &str, arguments: &str) -> Result<String> {
        let path = path::canonical(path)?;
        if self.registry.function(&path).is_none()
            && let Some(value) = self.registry.absent(&path)
        {
            return Ok(value.to_owned());
        }
        match self.find(&path, Kind::Query, false)? {
            Method::Query(method) => method(cx, arguments).await,
            Method::Mutation(_) | Method::Action(_) => Err(unknown(&path)),
        }
    }

    /// Runs a mutation that came over a sync socket: once, however often it is sent. The answer is recorded in the
    /// mutation's own transaction, and given again to whoever sends the same request again.
    ///
    /// `sent_before` says that this may be such a repetition; it saves running in vain and is not needed to be right.
    pub async fn mutation_once(
        &self,
        path: &str,
        arguments: &str,
        asker: impl Into<Asker>,
        id: RequestId,
        sent_before: bool,
    ) -> Result<Answered> {
        let path = path::canonical(path)?.into_owned();
        self.find(&path, Kind::Mutation, false)?;
        if sent_before && let Some(answered) = self.answered(id).await? {
            return Ok(answered);
        }
        let (this, arguments, asker) = (self.clone(), arguments.to_owned(), asker.into());
        let run = async move {
            let Some((_, Method::Mutation(method))) = this.registry.function(&path) else {
                return Err(unknown(&path));
            };
            let arguments = &arguments;
            let outcome = this
                .transaction(asker, |cx| {
                    async move {
                        let value = method(cx, arguments).await?;
                        requests::record(cx, id, value).await
                    }
                    .scope_boxed()
                })
                .await;
            match outcome {
                Ok(answered) => Ok(answered),
                // Another connection of the same client may have carried it out meanwhile; then its answer counts, and
                // what this run ran into was its effect.
                Err(error) => match this.answered(id).await? {
                    Some(answered) => Ok(answered),
                    None => Err(error),
                },
            }
        };
        tokio::spawn(run).await.map_err(Error::internal)?
    }

    /// What a request was answered before.
    async fn answered(&self, id: RequestId) -> Result<Option<Answered>> {
        requests::find(self.pool.get().await?.as_mut(), &self.server.master_key, id).await
    }

    /// Runs a mutation that may be internal.
    pub async fn internal_mutation(&self, path: &str, arguments: &str, asker: impl Into<Asker>) -> Result<String> {
        self.find(path, Kind::Mutation, true)?;
        self.run_to_the_end(path.to_owned(), arguments.to_owned(), asker.into())
            .await
    }

    /// Runs a mutation or an action as a task of its own: a caller who hangs up does not stop it between commit and
    /// publication, and a panic stays inside.
    async fn run_to_the_end(&self, path: String, arguments: String, asker: Asker) -> Result<String> {
        let this = self.clone();
        let run = async move {
            match this.registry.function(&path) {
                Some((_, Method::Mutation(method))) => {
                    let arguments = &arguments;
                    this.transaction(asker, |cx| method(cx, arguments).scope_boxed()).await
                }
                Some((_, Method::Action(method))) => method(&mut this.action_cx(asker), &arguments).await,
                _ => Err(unknown(&path)),
            }
        };
        tokio::spawn(run).await.map_err(Error::internal)?
    }

    /// Runs `write` in a transaction; again, a few times, when the database asks for it.
    pub async fn transaction<'env, T: Send>(
        &self,
        asker: impl Into<Asker>,
        write: impl for<'a> Fn(&'a mut MutationCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let asker = asker.into();
        let mut tries = 1;
        loop {
            match self.try_transaction(asker, &write).await {
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
        asker: Asker,
        write: &(impl for<'a> Fn(&'a mut MutationCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send + Sync),
    ) -> Result<T> {
        let mut cx = MutationCx::new(self.query_cx(asker));
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
                let committing = self.server.topics.committing(cx.take_writes());
                let committed = Transactions::commit_transaction(cx.connection().await?).await;
                // Also when the answer to COMMIT got lost: it may have happened.
                drop(committing);
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

    pub(crate) fn query_cx(&self, asker: Asker) -> QueryCx {
        QueryCx::new(Arc::clone(&self.server), self.pool.clone(), asker)
    }

    /// A unit of work for an action or a job.
    pub fn action_cx(&self, asker: impl Into<Asker>) -> ActionCx {
        ActionCx::new(self.clone(), asker.into())
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
