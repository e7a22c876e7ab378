//! Runs functions: finds the method, opens the unit of work, commits, publishes.

use std::sync::Arc;
use std::time::Duration;

use opencom_contract::{Function, Kind};
use opencom_core::{Error, Millis, Result};
use rand::RngExt;
use scoped_futures::{ScopedBoxFuture, ScopedFutureExt};

use crate::database::{Pool, is_worth_another_try};
use crate::handle::UnitOfWork;
use crate::registry::{FunctionHandle, Method, Registry, unserved};
use crate::requests::{Answered, RequestId};
use crate::topics::Sequence;
use crate::unit_of_work::{ActionCx, Asker, MutationCx, QueryCx, Server};
use crate::{Topic, requests};

/// How often a transaction is run when the database asks for another try.
const TRIES: u32 = 6;

/// Runs functions on one pool. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    registry: Arc<Registry>,
    server: Arc<Server>,
    pool: Pool,
}

/// An execution of a live query.
#[derive(Clone, Copy, Debug)]
pub struct LiveQuery<'a> {
    /// The function.
    pub function: &'a FunctionHandle,
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

impl Execution {
    /// The outcome of a query that could not even begin.
    pub fn failed(error: Error, since: Sequence) -> Self {
        Self {
            outcome: Err(error),
            reads: Vec::new(),
            holds_until: None,
            since,
            journal: None,
            rests_on_grace: false,
        }
    }
}

impl Dispatcher {
    /// Runs the functions of `registry` on `pool`.
    pub fn new(registry: Arc<Registry>, server: Arc<Server>, pool: Pool) -> Self {
        Self { registry, server, pool }
    }

    /// The same functions on another pool.
    #[must_use]
    pub fn on(&self, pool: Pool) -> Self {
        Self { pool, ..self.clone() }
    }

    /// What all functions share.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Every function and job.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Looks up a function that callers may name, see [`Registry::resolve`].
    ///
    /// # Errors
    /// `INVALID_INPUT` for a text that is no path, `NOT_FOUND` for a path that does not exist or is internal.
    pub fn resolve(&self, path: &str) -> Result<FunctionHandle> {
        self.registry.resolve(path)
    }

    /// Runs a function of any kind.
    ///
    /// # Errors
    /// What the function refuses.
    pub async fn call(
        &self,
        function: &FunctionHandle,
        arguments: &str,
        asker: impl Into<Asker> + Send,
    ) -> Result<String> {
        let asker = asker.into();
        match function.kind() {
            Kind::Query => self.query(function, arguments, asker).await.outcome,
            Kind::Mutation | Kind::Action => {
                let (this, function, arguments) = (self.clone(), function.clone(), arguments.to_owned());
                // A task of its own: a caller who hangs up does not stop it between commit and publication, and a panic
                // stays inside.
                tokio::spawn(async move { this.run(&function, &arguments, asker).await })
                    .await
                    .map_err(Error::internal)?
            }
        }
    }

    /// Runs a mutation or an action.
    async fn run(&self, function: &FunctionHandle, arguments: &str, asker: Asker) -> Result<String> {
        match function.method() {
            Method::Mutation(method) => self.transaction(asker, |cx| method(cx, arguments).scope_boxed()).await,
            Method::Action(method) => method(&mut self.action_cx(asker), arguments).await,
            Method::Query(_) | Method::Fixed(_) => Err(Error::internal("a query is no mutation")),
        }
    }

    /// Runs a query, and says what the outcome rests on.
    pub async fn query(&self, function: &FunctionHandle, arguments: &str, asker: impl Into<Asker>) -> Execution {
        self.live_query(LiveQuery {
            function,
            arguments,
            asker: asker.into(),
            journal: None,
            resumed: false,
        })
        .await
    }

    /// Runs a live query once more.
    pub async fn live_query(&self, query: LiveQuery<'_>) -> Execution {
        let since = self.server.topics.sequence();
        let journal = query.journal.map(str::to_owned);
        let mut cx = self.query_cx(query.asker).continued(journal, query.resumed);
        let outcome = match query.function.method() {
            Method::Query(method) => method(&mut cx, query.arguments).await,
            Method::Fixed(value) => Ok((*value).to_owned()),
            Method::Mutation(_) | Method::Action(_) => query.function.ensure_kind(Kind::Query).map(|()| String::new()),
        };
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

    /// Runs a function from inside the program, internal ones too, without the way through JSON.
    ///
    /// # Errors
    /// What the function refuses; an internal error if no context of this server serves it.
    pub async fn invoke<F: Function<Kind: UnitOfWork>>(
        &self,
        request: F,
        asker: impl Into<Asker> + Send,
    ) -> Result<F::Output> {
        let method = self.registry.typed::<F>().ok_or_else(unserved::<F>)?;
        let run = F::Kind::run(self.clone(), method, request, asker.into());
        tokio::spawn(run).await.map_err(Error::internal)?
    }

    /// Runs a mutation that came over a sync socket: once, however often it is sent. The answer is recorded in the
    /// mutation's own transaction, and returned again for a repetition of the request.
    ///
    /// `sent_before` says that this may be such a repetition; it saves running in vain and is not needed to be right.
    ///
    /// # Errors
    /// What the function refuses.
    pub async fn mutation_once(
        &self,
        function: &FunctionHandle,
        arguments: &str,
        asker: impl Into<Asker>,
        id: RequestId,
        sent_before: bool,
    ) -> Result<Answered> {
        function.ensure_kind(Kind::Mutation)?;
        if sent_before && let Some(answered) = self.answered(id).await? {
            return Ok(answered);
        }
        let (this, function) = (self.clone(), function.clone());
        let (arguments, asker) = (arguments.to_owned(), asker.into());
        let run = async move {
            let Method::Mutation(method) = function.method() else {
                return Err(Error::internal("the function is no mutation"));
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

    /// Runs `write` in a transaction; again, a few times, when the database asks for it.
    ///
    /// # Errors
    /// What `write` returns, or that of the last try.
    pub async fn transaction<'env, T: Send>(
        &self,
        asker: impl Into<Asker>,
        write: impl for<'a> Fn(&'a mut MutationCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let asker = asker.into();
        let mut tries = 1;
        loop {
            let mut cx = MutationCx::new(self.query_cx(asker));
            let outcome = match cx.begin().await {
                Ok(()) => write(&mut cx).await,
                Err(error) => Err(error),
            };
            let outcome = match outcome {
                Ok(value) => cx.commit().await.map(|()| value),
                Err(error) => {
                    cx.roll_back().await;
                    Err(error)
                }
            };
            match outcome {
                Err(error) if tries < TRIES && is_worth_another_try(&error) => {
                    pause_before(tries).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    pub(crate) fn query_cx(&self, asker: Asker) -> QueryCx {
        QueryCx::new(
            Arc::clone(&self.server),
            Arc::clone(&self.registry),
            self.pool.clone(),
            asker,
        )
    }

    /// A unit of work for an action or a job.
    pub fn action_cx(&self, asker: impl Into<Asker>) -> ActionCx {
        ActionCx::new(self.clone(), asker.into())
    }
}

/// Waits a few milliseconds, more with every try, and differently for transactions that ran into each other.
async fn pause_before(tries: u32) {
    metrics::counter!("opencom_transaction_retries_total").increment(1);
    let pause = Duration::from_millis(rand::rng().random_range(0..=1_u64 << tries));
    tokio::time::sleep(pause).await;
}
