//! The live-consistency probe: holds query results as a live client would, re-runs only those whose topics were
//! published, and compares each with a fresh execution. A forgotten topic fails it.

use opencom_runtime::topics::Change;
use opencom_runtime::{Caller, Execution};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::Kit;
use crate::people::Person;

struct Held {
    path: &'static str,
    arguments: String,
    caller: Caller,
    result: Result<Execution, String>,
}

/// Live results of a set of queries.
pub struct Probe<'kit> {
    kit: &'kit Kit,
    changes: Receiver<Change>,
    held: Vec<Held>,
    reruns: usize,
}

impl<'kit> Probe<'kit> {
    /// A probe that holds nothing yet.
    pub fn new(kit: &'kit Kit) -> Self {
        Self {
            kit,
            changes: kit.app.server.topics.listen(),
            held: Vec::new(),
            reruns: 0,
        }
    }

    /// Holds the result of a query from now on.
    pub async fn subscribe(&mut self, person: &impl Person, path: &'static str, arguments: Value) {
        let (arguments, caller) = (arguments.to_string(), person.caller());
        let result = self.run(path, &arguments, caller).await;
        self.held.push(Held {
            path,
            arguments,
            caller,
            result,
        });
    }

    /// How many results were computed again because of a published topic.
    pub fn reruns(&self) -> usize {
        self.reruns
    }

    /// Brings the held results up to date as a live client would, then compares each with a fresh execution.
    ///
    /// # Panics
    /// When one differs: a query forgot to record a topic, or a write to publish it.
    pub async fn check(&mut self, after: &str) {
        let mut published = Vec::new();
        let mut everything = false;
        loop {
            match self.changes.try_recv() {
                Ok(Change::Topics(topics)) => published.extend_from_slice(&topics),
                Ok(Change::Everything) | Err(TryRecvError::Lagged(_)) => everything = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let now = self.kit.clock.now();
        for index in 0..self.held.len() {
            let Held {
                path,
                arguments,
                caller,
                result,
            } = &self.held[index];
            let touched = result.as_ref().map_or(true, |held| {
                held.reads.iter().any(|topic| published.contains(topic))
                    || held.holds_until.is_some_and(|until| until <= now)
            });
            let fresh = self.run(path, arguments, *caller).await;
            if touched || everything {
                self.reruns += 1;
                self.held[index].result = fresh;
                continue;
            }
            let shown = |result: &Result<Execution, String>| result.clone().map(|execution| execution.value);
            assert_eq!(
                shown(result),
                shown(&fresh),
                "after {after}, the live result of {path} {arguments} is stale: no topic that it read was published"
            );
        }
    }

    async fn run(&self, path: &str, arguments: &str, caller: Caller) -> Result<Execution, String> {
        self.kit
            .dispatcher
            .query(path, arguments, caller)
            .await
            .map_err(|error| error.to_string())
    }
}
