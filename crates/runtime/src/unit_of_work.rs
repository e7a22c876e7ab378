//! The unit of work that every service method gets: who asks, one connection, what was read and changed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use diesel_async::{AsyncPgConnection, TransactionManager};
use opencom_contract::function::{Mutation, Query};
use opencom_contract::{Event, Function};
use opencom_core::auth::jwt::AgentIdentity;
use opencom_core::auth::seal::MasterKey;
use opencom_core::{Error, Millis, Result};
use scoped_futures::ScopedBoxFuture;

use crate::database::{Connection, Pool};
use crate::handle::UnitOfWork;
use crate::jobs::{self, Job, NewJob};
use crate::limits::{Key, Limit, RateLimits};
use crate::registry::unserved;
use crate::timestamp::Timestamps;
use crate::{BoxFuture, Clock, Dispatcher, Registry, Topic, Topics};

type Transactions = <AsyncPgConnection as diesel_async::AsyncConnection>::TransactionManager;

/// What all functions of a process share.
pub struct Server {
    /// The time.
    pub clock: Clock,
    /// Published changes and the cache.
    pub topics: Arc<Topics>,
    /// Secrets at rest.
    pub master_key: MasterKey,
    /// The order of commits as clients see it.
    pub timestamps: Timestamps,
    /// How often something may be done.
    pub limits: RateLimits,
    /// Where callers reach this server, without a slash at the end; the issuer of tokens.
    pub public_url: String,
    /// Refuses visitors' calls without a token that today's apps still make.
    pub strict_visitors: bool,
}

/// Who asks, and the address that the call comes from.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Who asks.
    pub caller: Caller,
    /// Where from; `None` for what does not come over the network, like jobs.
    pub address: Option<IpAddr>,
}

impl From<Caller> for Asker {
    fn from(caller: Caller) -> Self {
        Self { caller, address: None }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Nobody, or a visitor who shows a session token as an argument.
    Anonymous,
    /// Whoever a token that verifies speaks for.
    Agent(AgentIdentity),
}

/// A read: one connection, and the topics read so far.
pub struct QueryCx {
    server: Arc<Server>,
    registry: Arc<Registry>,
    asker: Asker,
    now: Millis,
    pool: Pool,
    connection: Option<Connection>,
    reads: BTreeSet<Topic>,
    /// What this unit of work has changed itself: the cache knows nothing of it, and must not before the commit.
    writes: BTreeSet<Topic>,
    holds_until: Option<Millis>,
    journal: Option<String>,
    resumed: bool,
    rests_on_grace: bool,
}

/// What a read rests on.
pub(crate) struct Basis {
    pub(crate) reads: Vec<Topic>,
    pub(crate) holds_until: Option<Millis>,
    pub(crate) journal: Option<String>,
    pub(crate) rests_on_grace: bool,
}

impl QueryCx {
    /// A unit of work at the present time.
    pub fn new(server: Arc<Server>, registry: Arc<Registry>, pool: Pool, asker: impl Into<Asker>) -> Self {
        let now = server.clock.now();
        Self {
            server,
            registry,
            asker: asker.into(),
            now,
            pool,
            connection: None,
            reads: BTreeSet::new(),
            writes: BTreeSet::new(),
            holds_until: None,
            journal: None,
            resumed: false,
            rests_on_grace: false,
        }
    }

    /// The same, for the next result of a live query: with the journal of the last one, and, when that one was good,
    /// with the grace that an open query has.
    pub(crate) fn continued(mut self, journal: Option<String>, resumed: bool) -> Self {
        self.journal = journal;
        self.resumed = resumed;
        self
    }

    /// What all functions share.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Who asks.
    pub fn caller(&self) -> Caller {
        self.asker.caller
    }

    /// Counts what `key` does.
    ///
    /// A live query counts once, however often its rows change; one that was refused runs again when it may.
    ///
    /// # Errors
    /// `RATE_LIMITED` when there was too much of it.
    pub fn count(&mut self, limit: Limit, key: impl Into<Key>) -> Result<()> {
        if self.resumed {
            return Ok(());
        }
        self.server.limits.check(limit, key).inspect_err(|error| {
            if let Some(wait) = error.data().retry_after_ms {
                self.holds_until(self.now.plus(wait.0));
            }
        })
    }

    /// The same, by the address that the call comes from. What comes from none is not limited.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn count_address(&mut self, limit: Limit) -> Result<()> {
        self.asker.address.map_or(Ok(()), |address| self.count(limit, address))
    }

    /// The same, by the signed-in user, or by the address when there is none.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn count_caller(&mut self, limit: Limit) -> Result<()> {
        match self.asker.caller {
            Caller::Agent(identity) => self.count(limit, identity.user),
            Caller::Anonymous => self.count_address(limit),
        }
    }

    /// Runs another function in this unit of work, as the same caller.
    ///
    /// # Errors
    /// What the function refuses; an internal error if no context of this server serves it.
    pub async fn query<F: Function<Kind = Query>>(&mut self, request: F) -> Result<F::Output> {
        self.query_if_served(request).await?.ok_or_else(unserved::<F>)
    }

    /// Runs another function in this unit of work, as the same caller; `None` if no context of this server serves it.
    ///
    /// # Errors
    /// What the function refuses.
    pub async fn query_if_served<F: Function<Kind = Query>>(&mut self, request: F) -> Result<Option<F::Output>> {
        match self.registry.typed::<F>() {
            Some(method) => method(self, request).await.map(Some),
            None => Ok(None),
        }
    }

    /// The time, the same for the whole unit of work.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The connection, opened when first needed: what the caches answer needs none.
    pub async fn connection(&mut self) -> Result<&mut AsyncPgConnection> {
        if self.connection.is_none() {
            self.connection = Some(self.pool.get().await?);
        }
        match &mut self.connection {
            Some(connection) => Ok(&mut *connection),
            None => Err(Error::internal("the connection is gone")),
        }
    }

    /// Records that rows of this topic are part of the result.
    pub fn read(&mut self, topic: Topic) {
        self.reads.insert(topic);
    }

    /// Records that the result holds until `time` only, whatever is published. A time that has passed already ends nothing
    /// any more: what it changes is in the result.
    pub fn holds_until(&mut self, time: Millis) {
        if time <= self.now {
            return;
        }
        self.holds_until = Some(self.holds_until.map_or(time, |until| until.min(time)));
    }

    /// The value under `topic`: cached, or loaded and cached. The entry dies when the topic is published.
    pub async fn cached<T, L>(&mut self, topic: Topic, load: L) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        L: for<'a> FnOnce(&'a mut AsyncPgConnection) -> BoxFuture<'a, Result<T>>,
    {
        self.read(topic);
        if self.writes.contains(&topic) {
            return Ok(Arc::new(load(self.connection().await?).await?));
        }
        if let Some(value) = self.server.topics.cached(&topic) {
            return Ok(value);
        }
        let since = self.server.topics.sequence();
        let value = Arc::new(load(self.connection().await?).await?);
        self.server.topics.cache(topic, since, Arc::clone(&value));
        Ok(value)
    }

    /// What the query has kept for itself from its last execution: where a page ended, say.
    pub fn journal(&self) -> Option<&str> {
        self.journal.as_deref()
    }

    /// Keeps something for the next execution of the same live query, also over a reconnect. Clients can read it and
    /// send what they like.
    pub fn keep_journal(&mut self, journal: String) {
        self.journal = Some(journal);
    }

    /// Whether this is the next result of a live query whose last one was good.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Records that the result is for those only who have had the last one.
    pub(crate) fn rest_on_grace(&mut self) {
        self.rests_on_grace = true;
    }

    /// What was read, and how long the result holds.
    pub(crate) fn into_basis(self) -> Basis {
        Basis {
            reads: self.reads.into_iter().collect(),
            holds_until: self.holds_until,
            journal: self.journal,
            rests_on_grace: self.rests_on_grace,
        }
    }
}

/// A write: one open transaction, the topics changed and the jobs to do after the commit.
///
/// The dispatcher begins, commits and publishes around it.
pub struct MutationCx {
    query: QueryCx,
    jobs: Vec<NewJob>,
}

impl MutationCx {
    pub(crate) fn new(query: QueryCx) -> Self {
        Self {
            query,
            jobs: Vec::new(),
        }
    }

    /// Records that rows of this topic changed.
    pub fn write(&mut self, topic: Topic) {
        self.query.writes.insert(topic);
    }

    /// Queues a job that runs after the commit.
    pub fn enqueue<J: Job>(&mut self, job: &J) -> Result<()> {
        self.enqueue_at(job, self.now())
    }

    /// Queues a job that runs after the commit and not before `run_at`.
    pub fn enqueue_at<J: Job>(&mut self, job: &J, run_at: Millis) -> Result<()> {
        let job = NewJob::new(job, run_at, self.now())?;
        self.jobs.push(job);
        Ok(())
    }

    /// Runs another mutation in this transaction, as the same caller.
    ///
    /// # Errors
    /// What the function refuses; an internal error if no context of this server serves it.
    pub async fn call<F: Function<Kind = Mutation>>(&mut self, request: F) -> Result<F::Output> {
        self.call_if_served(request).await?.ok_or_else(unserved::<F>)
    }

    /// Runs another mutation in this transaction, as the same caller; `None` if no context of this server serves it.
    ///
    /// # Errors
    /// What the function refuses.
    pub async fn call_if_served<F: Function<Kind = Mutation>>(&mut self, request: F) -> Result<Option<F::Output>> {
        match self.query.registry.typed::<F>() {
            Some(method) => method(self, request).await.map(Some),
            None => Ok(None),
        }
    }

    /// Tells the listeners of an event, in this transaction.
    ///
    /// # Errors
    /// The first error of a listener; the transaction must not commit then.
    pub async fn emit<E: Event>(&mut self, event: &E) -> Result<()> {
        for listener in self.query.registry.listeners::<E>() {
            listener(self, event).await?;
        }
        Ok(())
    }

    pub(crate) async fn begin(&mut self) -> Result<()> {
        Ok(Transactions::begin_transaction(self.connection().await?).await?)
    }

    /// Queues the jobs, commits, publishes the topics.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        let queued = std::mem::take(&mut self.jobs);
        if !queued.is_empty()
            && let Err(error) = jobs::insert(self.connection().await?, &queued).await
        {
            self.roll_back().await;
            return Err(error);
        }
        let writes = std::mem::take(&mut self.query.writes).into_iter().collect();
        let committing = self.server.topics.committing(writes);
        let committed = Transactions::commit_transaction(self.connection().await?).await;
        // Also when the answer to COMMIT got lost: it may have happened.
        drop(committing);
        committed?;
        if !queued.is_empty() {
            jobs::wake_workers();
        }
        Ok(())
    }

    /// Rolls back. A connection that cannot even do that is broken; the pool discards it.
    pub(crate) async fn roll_back(&mut self) {
        let rolled_back = match self.connection().await {
            Ok(connection) => Transactions::rollback_transaction(connection)
                .await
                .map_err(Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = rolled_back {
            tracing::debug!(error = &error as &dyn std::error::Error, "a rollback failed");
        }
    }
}

impl Deref for MutationCx {
    type Target = QueryCx;
    fn deref(&self) -> &QueryCx {
        &self.query
    }
}

impl DerefMut for MutationCx {
    fn deref_mut(&mut self) -> &mut QueryCx {
        &mut self.query
    }
}

/// An action or a job: no transaction of its own, so it may call the outside world.
pub struct ActionCx {
    dispatcher: Dispatcher,
    asker: Asker,
}

impl ActionCx {
    pub(crate) fn new(dispatcher: Dispatcher, asker: Asker) -> Self {
        Self { dispatcher, asker }
    }

    /// What all functions share.
    pub fn server(&self) -> &Server {
        self.dispatcher.server()
    }

    /// Who asks.
    pub fn caller(&self) -> Caller {
        self.asker.caller
    }

    /// Counts a call by the address that it comes from, as [`QueryCx::count_address`] does.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn count_address(&self, limit: Limit) -> Result<()> {
        let limits = &self.server().limits;
        self.asker
            .address
            .map_or(Ok(()), |address| limits.check(limit, address))
    }

    /// The time.
    pub fn now(&self) -> Millis {
        self.server().clock.now()
    }

    /// Reads, outside any transaction.
    pub async fn read<'env, T: Send>(
        &self,
        read: impl for<'a> FnOnce(&'a mut QueryCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send,
    ) -> Result<T> {
        read(&mut self.dispatcher.query_cx(self.asker)).await
    }

    /// Writes in a transaction of its own; run again when the database asks for it.
    ///
    /// `|cx| async move { … }.scope_boxed()`.
    pub async fn transaction<'env, T: Send>(
        &self,
        write: impl for<'a> Fn(&'a mut MutationCx) -> ScopedBoxFuture<'env, 'a, Result<T>> + Send + Sync,
    ) -> Result<T> {
        self.dispatcher.transaction(self.asker, write).await
    }

    /// Runs a query or a mutation, as the same caller; a mutation in a transaction of its own.
    ///
    /// # Errors
    /// What the function refuses.
    pub async fn call<F: Function<Kind: UnitOfWork>>(&self, request: F) -> Result<F::Output> {
        self.dispatcher.invoke(request, self.asker).await
    }
}
