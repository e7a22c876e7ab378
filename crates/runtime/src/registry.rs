//! Which method answers which path.

use std::collections::HashMap;
use std::sync::Arc;

use opencom_contract::{Descriptor, Function, Kind, arguments};
use opencom_core::{Error, Result};
use serde::Serialize;

use crate::jobs::Job;
use crate::{ActionCx, BoxFuture, MutationCx, QueryCx};

type Handler<Cx> = Box<dyn for<'a> Fn(&'a mut Cx, &'a str) -> BoxFuture<'a, Result<String>> + Send + Sync>;
type JobHandler = Box<dyn for<'a> Fn(&'a mut ActionCx, &'a str) -> BoxFuture<'a, Result<()>> + Send + Sync>;

pub(crate) enum Method {
    Query(Handler<QueryCx>),
    Mutation(Handler<MutationCx>),
    Action(Handler<ActionCx>),
}

/// Every function and job that this process can run.
#[derive(Default)]
pub struct Registry {
    functions: HashMap<&'static str, (&'static Descriptor, Method)>,
    jobs: HashMap<&'static str, JobHandler>,
    schedules: Vec<Schedule>,
    absent: HashMap<&'static str, &'static str>,
    duplicates: Vec<&'static str>,
}

/// A job that runs again and again.
pub(crate) struct Schedule {
    pub(crate) kind: &'static str,
    pub(crate) payload: serde_json::Value,
    pub(crate) every_ms: i64,
}

impl Registry {
    /// Registers the methods of one service.
    pub fn of<'r, S: ?Sized + Send + Sync + 'static>(&'r mut self, service: &Arc<S>) -> Registration<'r, S> {
        Registration {
            registry: self,
            service: Arc::clone(service),
        }
    }

    /// Answers queries that no context serves yet with fixed values, unless one does after all.
    pub fn answer_absent(&mut self, answers: &[(&'static str, &'static str)]) {
        self.absent.extend(answers.iter().copied());
    }

    /// The fixed answer of a query that no context serves yet.
    pub(crate) fn absent(&self, path: &str) -> Option<&'static str> {
        self.absent.get(path).copied()
    }

    /// The paths that are registered.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.functions.keys().copied()
    }

    /// Paths and job kinds that were registered twice; the first one counts.
    pub fn duplicates(&self) -> &[&'static str] {
        &self.duplicates
    }

    pub(crate) fn function(&self, path: &str) -> Option<(&'static Descriptor, &Method)> {
        self.functions
            .get(path)
            .map(|(descriptor, method)| (*descriptor, method))
    }

    pub(crate) fn job(&self, kind: &str) -> Option<&JobHandler> {
        self.jobs.get(kind)
    }

    pub(crate) fn job_kinds(&self) -> Vec<&'static str> {
        self.jobs.keys().copied().collect()
    }

    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    fn add<F: Function>(&mut self, method: Method) {
        let descriptor: &'static Descriptor = const { &F::DESCRIPTOR };
        if self.functions.contains_key(descriptor.path) {
            self.duplicates.push(descriptor.path);
        } else {
            self.functions.insert(descriptor.path, (descriptor, method));
        }
    }
}

/// Registers the methods of one service, one line for each function.
pub struct Registration<'r, S: ?Sized> {
    registry: &'r mut Registry,
    service: Arc<S>,
}

macro_rules! register {
    ($(#[$meta:meta])* $name:ident, $cx:ident, $variant:ident) => {
        $(#[$meta])*
        pub fn $name<F: Function>(
            &mut self,
            method: for<'a> fn(&'a S, &'a mut $cx, F) -> BoxFuture<'a, Result<F::Output>>,
        ) -> &mut Self {
            const { assert!(matches!(F::DESCRIPTOR.kind, Kind::$variant)) };
            let service = Arc::clone(&self.service);
            self.registry.add::<F>(Method::$variant(Box::new(move |cx, text| {
                let service = Arc::clone(&service);
                Box::pin(async move { to_text(&method(&service, cx, arguments::parse(text)?).await?) })
            })));
            self
        }
    };
}

impl<S: ?Sized + Send + Sync + 'static> Registration<'_, S> {
    register! {
        /// A query.
        query, QueryCx, Query
    }
    register! {
        /// A mutation.
        mutation, MutationCx, Mutation
    }
    register! {
        /// An action.
        action, ActionCx, Action
    }

    /// A job.
    pub fn job<J: Job>(
        &mut self,
        method: for<'a> fn(&'a S, &'a mut ActionCx, J) -> BoxFuture<'a, Result<()>>,
    ) -> &mut Self {
        let service = Arc::clone(&self.service);
        let handler: JobHandler = Box::new(move |cx, payload| {
            let service = Arc::clone(&service);
            Box::pin(async move {
                let job = serde_json::from_str(payload).map_err(Error::internal)?;
                method(&service, cx, job).await
            })
        });
        if self.registry.jobs.insert(J::KIND, handler).is_some() {
            self.registry.duplicates.push(J::KIND);
        }
        self
    }

    /// Runs `job` every `every_ms` milliseconds, once for all replicas.
    pub fn every<J: Job>(&mut self, every_ms: i64, job: &J) -> Result<&mut Self> {
        let payload = serde_json::to_value(job).map_err(Error::internal)?;
        self.registry.schedules.push(Schedule {
            kind: J::KIND,
            payload,
            every_ms,
        });
        Ok(self)
    }
}

fn to_text<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}
