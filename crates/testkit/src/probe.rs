//! The live-consistency probe: holds query results as a live client would, re-runs only those whose topics were
//! published, and compares each with a fresh execution. A forgotten topic fails it.

use std::collections::BTreeSet;

use opencom_runtime::{Caller, Execution, LiveQuery};
use serde_json::Value;

use crate::people::Person;
use crate::{Changes, Heard, Kit};

struct Held {
    path: &'static str,
    arguments: String,
    caller: Caller,
    result: Execution,
    reruns: usize,
}

/// Live results of a set of queries.
pub struct Probe<'kit> {
    kit: &'kit Kit,
    changes: Changes,
    held: Vec<Held>,
}

impl<'kit> Probe<'kit> {
    /// A probe that holds nothing yet.
    pub fn new(kit: &'kit Kit) -> Self {
        Self {
            kit,
            changes: Changes::of(&kit.server.topics),
            held: Vec::new(),
        }
    }

    /// Holds the result of a query from now on.
    pub async fn subscribe(&mut self, person: &impl Person, path: &'static str, arguments: Value) {
        let (arguments, caller) = (arguments.to_string(), person.caller());
        let result = self.run(path, &arguments, caller, None).await;
        self.held.push(Held {
            path,
            arguments,
            caller,
            result,
            reruns: 0,
        });
    }

    /// How many results were computed again because of a published topic.
    pub fn reruns(&self) -> usize {
        self.held.iter().map(|held| held.reruns).sum()
    }

    /// The queries of which no result was ever computed again: nothing that happened was about them.
    pub fn idle(&self) -> BTreeSet<&'static str> {
        let busy: BTreeSet<_> = (self.held.iter().filter(|held| held.reruns > 0))
            .map(|held| held.path)
            .collect();
        let all: BTreeSet<_> = self.held.iter().map(|held| held.path).collect();
        all.difference(&busy).copied().collect()
    }

    /// Brings the held results up to date as a live client would, then compares each with a fresh execution.
    ///
    /// # Panics
    /// When one differs: a query forgot to record a topic, or a write to publish it.
    pub async fn check(&mut self, after: &str) {
        let mut published = Vec::new();
        let mut everything = false;
        while let Some(heard) = self.changes.try_next() {
            match heard {
                Heard::Topics(topics) => published.extend(topics),
                Heard::Everything => everything = true,
            }
        }
        for index in 0..self.held.len() {
            let Held {
                path,
                arguments,
                caller,
                result,
                reruns: _,
            } = &self.held[index];
            let fresh = self.run(path, arguments, *caller, result.journal.as_deref()).await;
            // The clock goes on while the query runs.
            let now = self.kit.clock.now();
            let touched = result.reads.iter().any(|topic| published.contains(topic))
                || result.holds_until.is_some_and(|until| until <= now);
            if touched || everything {
                self.held[index].reruns += 1;
                self.held[index].result = fresh;
                continue;
            }
            let shown = |result: &Execution| match &result.outcome {
                Ok(value) => Ok(value.clone()),
                Err(error) => Err(error.to_string()),
            };
            assert_eq!(
                shown(result),
                shown(&fresh),
                "after {after}, the live result of {path} {arguments} is stale: no topic that it read was published"
            );
        }
    }

    /// A fresh execution, with what the last one kept for it.
    async fn run(&self, path: &str, arguments: &str, caller: Caller, journal: Option<&str>) -> Execution {
        let function = match self.kit.dispatcher.resolve(path) {
            Ok(function) => function,
            Err(error) => return Execution::failed(error, self.kit.server.topics.sequence()),
        };
        let query = LiveQuery {
            function: &function,
            arguments,
            asker: caller.into(),
            journal,
            resumed: false,
        };
        self.kit.dispatcher.live_query(query).await
    }
}
