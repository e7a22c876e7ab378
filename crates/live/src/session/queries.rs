//! The queries that a connection holds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use opencom_core::{Code, Error, Result};
use opencom_runtime::{Caller, path};

use super::{Limits, no_components};
use crate::arguments;
use crate::engine::{Engine, Query, QueryId, Seen, Watcher};
use crate::outcome::Outcome;
use crate::protocol::{Change, Modification, ModifyQuerySet};

/// The queries that a connection holds.
pub(super) struct QuerySet {
    engine: Arc<Engine>,
    watcher: Arc<Watcher>,
    /// Where the client is.
    address: Option<IpAddr>,
    /// The version that the client has asked for.
    version: u32,
    held: BTreeMap<u32, Held>,
    /// What the client holds no longer and was not told so yet.
    removed: Vec<u32>,
    /// Whether the client has said which queries it holds.
    pub(super) known: bool,
}

pub(super) struct Held {
    source: Source,
    /// What the client was shown last.
    pub(super) shown: Option<Arc<Outcome>>,
}

enum Source {
    /// Runs, with what it takes to run it as somebody else.
    Running(QueryId, Arc<Query>),
    /// Was not even tried.
    Refused(Arc<Outcome>),
}

impl QuerySet {
    pub(super) fn new(engine: Arc<Engine>, watcher: Arc<Watcher>, address: Option<IpAddr>) -> Self {
        Self {
            engine,
            watcher,
            address,
            version: 0,
            held: BTreeMap::new(),
            removed: Vec::new(),
            known: false,
        }
    }

    /// The version that the client has asked for.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// Carries out a change.
    ///
    /// # Errors
    /// In words, when it breaks the protocol.
    pub(super) fn modify(
        &mut self,
        change: &ModifyQuerySet<'_>,
        caller: Caller,
        limits: &Limits,
    ) -> Result<(), String> {
        if change.base_version != self.version {
            return Err(format!(
                "ModifyQuerySet with base version {}, but the query set is at version {}",
                change.base_version, self.version
            ));
        }
        for modification in &change.modifications {
            let id = modification.query_id;
            match modification.kind {
                Change::Add if self.held.contains_key(&id) => return Err(format!("query {id} was added twice")),
                // Refusals are held too.
                Change::Add if self.held.len() >= 2 * limits.queries => {
                    return Err(format!("more than {} queries are held", 2 * limits.queries));
                }
                Change::Add => {
                    let full = self.held.len() >= limits.queries;
                    let source = match self.source(modification, caller, full) {
                        Ok(source) => source,
                        Err(error) => Source::Refused(Arc::new(Outcome::of_error(&error, None))),
                    };
                    // A new result says all there is to say.
                    self.removed.retain(|removed| *removed != id);
                    self.held.insert(id, Held { source, shown: None });
                }
                Change::Remove => {
                    let Some(held) = self.held.remove(&id) else {
                        return Err(format!("query {id} was removed but is not held"));
                    };
                    self.drop_source(held.source);
                    self.removed.push(id);
                }
            }
        }
        self.version = change.new_version;
        self.known = true;
        Ok(())
    }

    fn source(&self, add: &Modification<'_>, caller: Caller, full: bool) -> Result<Source> {
        if full {
            return Err(Error::new(
                Code::RateLimited,
                "Too many subscriptions on one connection",
            ));
        }
        no_components(add.component_path.as_deref())?;
        let sent = add.udf_path.as_deref().unwrap_or_default();
        let query = Arc::new(Query {
            path: path::canonical(sent)?.into_owned(),
            arguments: arguments::canonical(arguments::of_call(add.args)?)?,
            caller,
            journal: add.journal.as_deref().map(str::to_owned),
        });
        let id = self.engine.subscribe(Arc::clone(&query), self.address, &self.watcher);
        Ok(Source::Running(id, query))
    }

    fn drop_source(&self, source: Source) {
        if let Source::Running(id, _) = source {
            self.engine.unsubscribe(id, &self.watcher);
        }
    }

    /// Has all queries run as somebody else.
    pub(super) fn ask_as(&mut self, caller: Caller) {
        for held in self.held.values_mut() {
            if let Source::Running(id, query) = &mut held.source {
                let old = *id;
                *query = Arc::new(Query {
                    caller,
                    // Where a page ends for one is not where it ends for another.
                    journal: None,
                    ..Query::clone(query)
                });
                *id = self.engine.subscribe(Arc::clone(query), self.address, &self.watcher);
                self.engine.unsubscribe(old, &self.watcher);
            }
        }
    }

    /// Has all queries run again.
    pub(super) fn refresh(&self) {
        self.engine.refresh(self.running());
    }

    fn running(&self) -> impl Iterator<Item = QueryId> {
        self.held.values().filter_map(|held| match held.source {
            Source::Running(id, _) => Some(id),
            Source::Refused(_) => None,
        })
    }

    /// What is known of the queries that run, in the order of [`each`](Self::each).
    pub(super) fn look(&self) -> Vec<Seen> {
        self.engine.look(self.running(), &self.watcher)
    }

    /// Goes through all queries with their newest outcomes.
    pub(super) fn each(&mut self, seen: Vec<Seen>, mut visit: impl FnMut(u32, &mut Held, Arc<Outcome>)) {
        let mut seen = seen.into_iter();
        for (id, held) in &mut self.held {
            let outcome = match &held.source {
                Source::Running(..) => seen.next().and_then(|seen| seen.outcome),
                Source::Refused(outcome) => Some(Arc::clone(outcome)),
            };
            if let Some(outcome) = outcome {
                visit(*id, held, outcome);
            }
        }
    }

    /// What the client has to be told that it holds no longer.
    pub(super) fn take_removed(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.removed)
    }

    /// Holds nothing any more.
    pub(super) fn clear(&mut self) {
        for held in std::mem::take(&mut self.held).into_values() {
            self.drop_source(held.source);
        }
    }
}

impl Drop for QuerySet {
    fn drop(&mut self) {
        self.clear();
    }
}
