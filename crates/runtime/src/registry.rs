//! Which method answers which path, which jobs this process runs, and who listens to which event.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use opencom_contract::{Descriptor, Event, Function, FunctionKind, Kind, Who};
use opencom_core::{Code, Error, Result};

use crate::context::Context;
use crate::handle::{Cx, Handle, Listen, Perform, UnitOfWork};
use crate::jobs::Job;
use crate::limits::Limit;
use crate::topic::Declared;
use crate::{ActionCx, BoxFuture, MutationCx, QueryCx, path};

/// Answers a function from and to JSON.
pub type Handler<Cx> = Box<dyn for<'a> Fn(&'a mut Cx, &'a str) -> BoxFuture<'a, Result<String>> + Send + Sync>;
type JobHandler = Box<dyn for<'a> Fn(&'a mut ActionCx, &'a str) -> BoxFuture<'a, Result<()>> + Send + Sync>;
/// Answers a function without the way through JSON.
pub type Typed<F> =
    Arc<dyn for<'a> Fn(&'a mut Cx<F>, F) -> BoxFuture<'a, Result<<F as Function>::Output>> + Send + Sync>;
type Listener<E> = Arc<dyn for<'a> Fn(&'a mut MutationCx, &'a E) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// How a function is answered.
pub enum Method {
    /// In a query.
    Query(Handler<QueryCx>),
    /// In a mutation.
    Mutation(Handler<MutationCx>),
    /// In an action.
    Action(Handler<ActionCx>),
    /// By a fixed result, for queries that no context serves yet.
    Fixed(&'static str),
}

/// A function that was looked up by its path. Cheap to clone.
#[derive(Clone)]
pub struct FunctionHandle(Arc<Registered>);

struct Registered {
    path: &'static str,
    kind: Kind,
    internal: bool,
    method: Method,
}

impl FunctionHandle {
    /// The canonical path, `module:function`.
    pub fn path(&self) -> &'static str {
        self.0.path
    }

    /// Query, mutation or action.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Checks that the function is of the kind that the caller asked for.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming both kinds.
    pub fn ensure_kind(&self, kind: Kind) -> Result<()> {
        if self.kind() == kind {
            return Ok(());
        }
        Err(Error::invalid(
            "path",
            format!(
                "Trying to execute {} as {kind:?}, but it is defined as {:?}.",
                self.path(),
                self.kind()
            ),
        ))
    }

    pub(crate) fn method(&self) -> &Method {
        &self.0.method
    }
}

impl std::fmt::Debug for FunctionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path())
    }
}

/// Every function, job and listener of a process.
#[derive(Default)]
pub struct Registry {
    functions: HashMap<&'static str, FunctionHandle>,
    typed: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    listeners: HashMap<TypeId, Vec<Box<dyn Any + Send + Sync>>>,
    jobs: HashMap<&'static str, JobHandler>,
    schedules: Vec<Schedule>,
    topics: Vec<Declared>,
    limits: Vec<Limit>,
    duplicates: Vec<&'static str>,
}

/// A job that runs again and again.
pub(crate) struct Schedule {
    pub(crate) kind: &'static str,
    pub(crate) payload: serde_json::Value,
    pub(crate) every_ms: i64,
}

impl Registry {
    /// Registers the runtime's own jobs and everything of `contexts`.
    ///
    /// # Errors
    /// An internal error that names what clashes, see [`clashes`](Self::clashes).
    pub fn of(contexts: &[Arc<dyn Context>]) -> Result<Self> {
        let mut registry = Self::default();
        registry.declare_topics(crate::topic::TOPICS);
        crate::requests::register(&mut registry)?;
        for context in contexts {
            Arc::clone(context).register(&mut registry)?;
        }
        let clashes = registry.clashes();
        if clashes.is_empty() {
            Ok(registry)
        } else {
            Err(Error::internal(format!("registered twice: {}", clashes.join(", "))))
        }
    }

    /// Registers the function `F`, answered by `service`.
    pub fn function<F: Function<Kind: UnitOfWork>, S: Handle<F>>(&mut self, service: &Arc<S>) {
        let service = Arc::clone(service);
        self.answer::<F>(move |cx, request| {
            let service = Arc::clone(&service);
            Box::pin(async move { service.handle(cx, request).await })
        });
    }

    /// Registers the function `F`, answered by a closure: a test's substitute for another context.
    pub fn answer<F: Function<Kind: UnitOfWork>>(
        &mut self,
        method: impl for<'a> Fn(&'a mut Cx<F>, F) -> BoxFuture<'a, Result<F::Output>> + Send + Sync + 'static,
    ) {
        let typed: Typed<F> = Arc::new(method);
        let from_json = Arc::clone(&typed);
        let handler: Handler<Cx<F>> = Box::new(move |cx, arguments| {
            let typed = Arc::clone(&from_json);
            Box::pin(async move { F::output_to_json(&typed(cx, F::from_json(arguments)?).await?) })
        });
        self.typed.entry(TypeId::of::<F>()).or_insert_with(|| Box::new(typed));
        self.add(const { &F::DESCRIPTOR }, F::Kind::method(handler));
    }

    fn add(&mut self, descriptor: &'static Descriptor, method: Method) {
        let registered = Registered {
            path: descriptor.path,
            kind: descriptor.kind,
            internal: descriptor.access.who == Who::Internal,
            method,
        };
        let before = self.functions.get(descriptor.path);
        if before.is_some_and(|before| !matches!(before.method(), Method::Fixed(_))) {
            self.duplicates.push(descriptor.path);
        } else {
            let handle = FunctionHandle(Arc::new(registered));
            self.functions.insert(descriptor.path, handle);
        }
    }

    /// Answers queries that no context serves yet with fixed results. A path that a context serves keeps its method.
    pub fn answer_absent(&mut self, answers: &[(&'static str, &'static str)]) {
        for &(path, value) in answers {
            self.functions.entry(path).or_insert_with(|| {
                FunctionHandle(Arc::new(Registered {
                    path,
                    kind: Kind::Query,
                    internal: false,
                    method: Method::Fixed(value),
                }))
            });
        }
    }

    /// Registers the job `J`, run by `service`.
    pub fn job<J: Job, S: Perform<J>>(&mut self, service: &Arc<S>) {
        let service = Arc::clone(service);
        let handler: JobHandler = Box::new(move |cx, payload| {
            let service = Arc::clone(&service);
            Box::pin(async move {
                let job = serde_json::from_str(payload).map_err(Error::internal)?;
                service.perform(cx, job).await
            })
        });
        if self.jobs.insert(J::KIND, handler).is_some() {
            self.duplicates.push(J::KIND);
        }
    }

    /// Runs `job` every `every_ms` milliseconds, once for all replicas, for the first time at once. Its kind is registered
    /// by [`job`](Self::job) as well and has one schedule.
    ///
    /// # Errors
    /// An internal error if the job has no JSON form.
    pub fn every<J: Job>(&mut self, every_ms: i64, job: &J) -> Result<()> {
        let payload = serde_json::to_value(job).map_err(Error::internal)?;
        self.schedules.push(Schedule {
            kind: J::KIND,
            payload,
            every_ms,
        });
        Ok(())
    }

    /// Registers `service` as a listener of the event `E`.
    pub fn listen<E: Event, S: Listen<E>>(&mut self, service: &Arc<S>) {
        let service = Arc::clone(service);
        self.on::<E>(move |cx, event| {
            let service = Arc::clone(&service);
            Box::pin(async move { service.on(cx, event).await })
        });
    }

    /// Registers a closure as a listener of the event `E`: a test's way to observe what a context emits.
    pub fn on<E: Event>(
        &mut self,
        listener: impl for<'a> Fn(&'a mut MutationCx, &'a E) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    ) {
        let listener: Listener<E> = Arc::new(listener);
        self.listeners
            .entry(TypeId::of::<E>())
            .or_default()
            .push(Box::new(listener));
    }

    /// Declares the topics that a context publishes or reads.
    pub fn declare_topics(&mut self, topics: &[Declared]) {
        self.topics.extend_from_slice(topics);
    }

    /// Declares the rate limits of a context.
    pub fn declare_limits(&mut self, limits: &[Limit]) {
        for limit in limits {
            if !self.limits.contains(limit) {
                self.limits.push(*limit);
            }
        }
    }

    /// The declared topics.
    pub fn topics(&self) -> &[Declared] {
        &self.topics
    }

    /// The declared rate limits, each once.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The paths of the functions that a context serves.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        let served = self.functions.values();
        served
            .filter(|function| !matches!(function.method(), Method::Fixed(_)))
            .map(FunctionHandle::path)
    }

    /// Names that are claimed twice: functions, job kinds, limits with different figures, different topics with one tag;
    /// and job kinds with two schedules, or with a schedule and no service that runs them.
    pub fn clashes(&self) -> Vec<String> {
        let mut clashes: Vec<String> = self.duplicates.iter().map(|name| (*name).to_owned()).collect();
        for (index, one) in self.schedules.iter().enumerate() {
            let again = self.schedules[index + 1..].iter().any(|other| other.kind == one.kind);
            if again || !self.jobs.contains_key(one.kind) {
                clashes.push(format!("the schedule of {}", one.kind));
            }
        }
        for (index, one) in self.topics.iter().enumerate() {
            let others = self.topics[index + 1..].iter();
            clashes.extend(
                others
                    .filter(|other| one.clashes_with(other))
                    .map(|other| other.to_string()),
            );
        }
        for (index, one) in self.limits.iter().enumerate() {
            let others = self.limits[index + 1..].iter();
            clashes.extend(
                others
                    .filter(|other| one.name == other.name)
                    .map(|other| other.name.to_owned()),
            );
        }
        clashes
    }

    /// Looks up a function that callers may name.
    ///
    /// # Errors
    /// `INVALID_INPUT` for a text that is no path, `NOT_FOUND` for a path that does not exist or is internal.
    pub fn resolve(&self, text: &str) -> Result<FunctionHandle> {
        let path = path::canonical(text)?;
        match self.functions.get(&*path) {
            Some(function) if !function.0.internal => Ok(function.clone()),
            _ => Err(unknown(&path)),
        }
    }

    /// Looks up a function by its canonical path, internal ones too.
    ///
    /// # Errors
    /// `NOT_FOUND` for a path that does not exist.
    pub fn resolve_internal(&self, path: &str) -> Result<FunctionHandle> {
        self.functions.get(path).cloned().ok_or_else(|| unknown(path))
    }

    /// The method of `F` without the way through JSON; `None` if no context serves it.
    pub(crate) fn typed<F: Function<Kind: UnitOfWork>>(&self) -> Option<Typed<F>> {
        self.typed.get(&TypeId::of::<F>())?.downcast_ref::<Typed<F>>().cloned()
    }

    /// The listeners of `E`, in the order of their registration.
    pub(crate) fn listeners<E: Event>(&self) -> Vec<Listener<E>> {
        let found = self.listeners.get(&TypeId::of::<E>()).into_iter().flatten();
        found
            .filter_map(|listener| listener.downcast_ref::<Listener<E>>().cloned())
            .collect()
    }

    pub(crate) fn job_handler(&self, kind: &str) -> Option<&JobHandler> {
        self.jobs.get(kind)
    }

    pub(crate) fn job_kinds(&self) -> Vec<&'static str> {
        self.jobs.keys().copied().collect()
    }

    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }
}

pub(crate) fn unknown(path: &str) -> Error {
    Error::new(Code::NotFound, format!("Could not find public function for '{path}'."))
}

/// The error of a call by contract to a function that no context of this server serves.
pub(crate) fn unserved<F: Function>() -> Error {
    Error::internal(format!(
        "no context of this server serves the {:?} {}",
        F::Kind::KIND,
        F::DESCRIPTOR.path
    ))
}
