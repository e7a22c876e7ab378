//! The queries that are held, what each rests on, and which have to run again. Does no I/O.
//!
//! A query runs when somebody first asks for it and whenever something that it read was published. While it runs, further
//! changes only make it run once more: however many there are, one run is under way and at most one more is owed.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opencom_core::{Code, Millis};
use opencom_runtime::database::is_unavailable;
use opencom_runtime::topics::{Change, Listener, Sequence};
use opencom_runtime::{Caller, Execution, Topic, Topics};
use tokio::sync::Notify;

use crate::outcome::Outcome;

/// The first pause before a query is run again that failed by a fault of ours, in milliseconds; doubled each time.
const FIRST_PAUSE_MS: i64 = 250;
/// The longest such pause, in milliseconds.
const LONGEST_PAUSE_MS: i64 = 30 * Millis::SECOND;

/// What makes two subscriptions the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The function's path, in its canonical form when it has one.
    pub path: String,
    /// The arguments, in their canonical form.
    pub arguments: String,
    /// Who asks.
    pub caller: Caller,
    /// What an earlier execution kept, as the client sent it.
    pub journal: Option<String>,
}

/// A query that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(u64);

/// Is told when there may be something to look at.
#[derive(Debug, Default)]
pub struct Watcher {
    notify: Notify,
    /// Whether it waits for outcomes to settle, changed or not.
    waiting: AtomicBool,
}

impl Watcher {
    /// Waits until there may be something to look at.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }
}

/// What is known of a query.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The newest outcome, if there is one yet.
    pub outcome: Option<Arc<Outcome>>,
    /// Whether nothing that it rests on has changed since.
    pub settled: bool,
    /// Everything that was published by then is in the outcome.
    pub since: Sequence,
}

/// A query that has to run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The query.
    pub query: Arc<Query>,
    /// Where whoever asked first is, and what it takes counts for.
    pub address: Option<IpAddr>,
    /// What its last execution kept.
    pub journal: Option<String>,
    /// Whether its last execution gave a result and not an error.
    pub resumed: bool,
    /// Since when it has been known that it has to run; `None` when it was asked for just now.
    pub owed_since: Option<Instant>,
}

/// The queries that are held.
pub struct Engine {
    topics: Arc<Topics>,
    held: Mutex<Held>,
    /// Told when there is something to run or a time to wait for.
    work: Notify,
}

#[derive(Default)]
struct Held {
    next_id: u64,
    entries: HashMap<QueryId, Entry>,
    by_query: HashMap<Arc<Query>, QueryId>,
    /// Which queries read which topics.
    readers: BTreeSet<(Topic, QueryId)>,
    /// When outcomes end by time alone.
    ends: BTreeSet<(Millis, QueryId)>,
    to_run: VecDeque<QueryId>,
}

struct Entry {
    query: Arc<Query>,
    address: Option<IpAddr>,
    watchers: Vec<Arc<Watcher>>,
    outcome: Option<Arc<Outcome>>,
    journal: Option<String>,
    reads: Vec<Topic>,
    ends_at: Option<Millis>,
    /// Where the order of changes stood when the run began that is under way, or the last one.
    since: Sequence,
    /// Where it stood when the run began that gave the outcome.
    outcome_since: Sequence,
    /// Whether it has to run, or to run once more.
    stale: bool,
    /// Since when, if it has run before.
    owed_since: Option<Instant>,
    /// Whether it waits for its run, or runs.
    claimed: bool,
    /// Runs in a row that failed by a fault of ours.
    faults: u32,
}

impl Entry {
    fn is_settled(&self) -> bool {
        self.outcome.is_some() && !self.stale && !self.claimed
    }
}

impl Held {
    /// Has a query run again, or once more. Says whether somebody has to see to it.
    fn owe(&mut self, id: QueryId) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else {
            return false;
        };
        entry.stale = true;
        entry.owed_since.get_or_insert_with(Instant::now);
        if entry.claimed {
            return false;
        }
        entry.claimed = true;
        self.to_run.push_back(id);
        true
    }

    /// Has a query run again because of a change that was published as number `at`, unless a run has begun since.
    fn owe_after(&mut self, id: QueryId, at: Sequence) -> bool {
        self.entries.get(&id).is_some_and(|entry| at > entry.since) && self.owe(id)
    }

    fn set_reads(&mut self, id: QueryId, reads: Vec<Topic>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.reads == reads {
            return;
        }
        for topic in &entry.reads {
            self.readers.remove(&(*topic, id));
        }
        self.readers.extend(reads.iter().map(|topic| (*topic, id)));
        entry.reads = reads;
    }

    fn set_end(&mut self, id: QueryId, ends_at: Option<Millis>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(old) = std::mem::replace(&mut entry.ends_at, ends_at) {
            self.ends.remove(&(old, id));
        }
        self.ends.extend(ends_at.map(|at| (at, id)));
    }

    fn remove(&mut self, id: QueryId) {
        self.set_reads(id, Vec::new());
        self.set_end(id, None);
        if let Some(entry) = self.entries.remove(&id) {
            held_bytes().decrement(bytes(entry.outcome.as_deref()));
            if self.by_query.get(&entry.query) == Some(&id) {
                self.by_query.remove(&entry.query);
            }
        }
    }
}

/// What the outcomes of all held queries take, in bytes.
fn held_bytes() -> metrics::Gauge {
    metrics::gauge!("opencom_live_held_bytes")
}

fn bytes(outcome: Option<&Outcome>) -> f64 {
    outcome.map_or(0.0, |outcome| {
        f64::from(u32::try_from(outcome.size()).unwrap_or(u32::MAX))
    })
}

impl Engine {
    /// An engine that holds nothing yet and hears of what is published to `topics`.
    pub fn new(topics: Arc<Topics>) -> Arc<Self> {
        let engine = Arc::new(Self {
            topics: Arc::clone(&topics),
            held: Mutex::default(),
            work: Notify::new(),
        });
        let listener: std::sync::Weak<Self> = Arc::downgrade(&engine);
        topics.listen(listener);
        engine
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the order of changes stands. What was published by now is in every outcome that is settled from now on.
    pub fn position(&self) -> Sequence {
        self.topics.sequence()
    }

    /// Holds a query for a watcher, who is at `address`. Equal queries are one, wherever their watchers are.
    pub fn subscribe(&self, query: Arc<Query>, address: Option<IpAddr>, watcher: &Arc<Watcher>) -> QueryId {
        let mut held = self.held();
        if let Some(id) = held.by_query.get(&query).copied()
            && let Some(entry) = held.entries.get_mut(&id)
        {
            entry.watchers.push(Arc::clone(watcher));
            return id;
        }
        held.next_id += 1;
        let id = QueryId(held.next_id);
        let entry = Entry {
            query: Arc::clone(&query),
            address,
            watchers: vec![Arc::clone(watcher)],
            outcome: None,
            journal: query.journal.clone(),
            reads: Vec::new(),
            ends_at: None,
            since: Sequence::default(),
            outcome_since: Sequence::default(),
            stale: true,
            owed_since: None,
            claimed: true,
            faults: 0,
        };
        held.entries.insert(id, entry);
        held.by_query.insert(query, id);
        held.to_run.push_back(id);
        drop(held);
        metrics::gauge!("opencom_live_queries").increment(1);
        self.work.notify_one();
        id
    }

    /// Holds a query no longer for a watcher; the last one out ends it.
    pub fn unsubscribe(&self, id: QueryId, watcher: &Arc<Watcher>) {
        let mut held = self.held();
        let Some(entry) = held.entries.get_mut(&id) else { return };
        if let Some(position) = entry.watchers.iter().position(|other| Arc::ptr_eq(other, watcher)) {
            entry.watchers.swap_remove(position);
        }
        if entry.watchers.is_empty() {
            held.remove(id);
            metrics::gauge!("opencom_live_queries").decrement(1);
        }
    }

    /// What is known of queries, all at the same moment. When one is not settled, the watcher is told once that has
    /// changed.
    pub fn look(&self, ids: impl Iterator<Item = QueryId>, watcher: &Watcher) -> Vec<Seen> {
        let held = self.held();
        let seen: Vec<_> = ids
            .map(|id| match held.entries.get(&id) {
                Some(entry) => Seen {
                    outcome: entry.outcome.clone(),
                    settled: entry.is_settled(),
                    since: entry.outcome_since,
                },
                None => Seen {
                    outcome: None,
                    settled: false,
                    since: Sequence::default(),
                },
            })
            .collect();
        let waiting = seen.iter().any(|seen| !seen.settled);
        watcher.waiting.store(waiting, Ordering::Relaxed);
        seen
    }

    /// Runs queries again because of something that was committed elsewhere and may not have been heard of yet.
    pub fn refresh(&self, ids: impl Iterator<Item = QueryId>) {
        let mut held = self.held();
        for id in ids {
            held.owe(id);
        }
        drop(held);
        self.work.notify_one();
    }

    /// The next query that has to run. Whoever takes it calls [`begin`](Self::begin) and [`finish`](Self::finish) until
    /// that says that the outcome is settled.
    pub fn next(&self) -> Option<QueryId> {
        self.held().to_run.pop_front()
    }

    /// What to run; `None` when nobody holds the query any more.
    pub fn begin(&self, id: QueryId) -> Option<Run> {
        let mut held = self.held();
        let entry = held.entries.get_mut(&id)?;
        entry.stale = false;
        entry.since = self.topics.sequence();
        Some(Run {
            query: Arc::clone(&entry.query),
            address: entry.address,
            journal: entry.journal.clone(),
            resumed: entry.outcome.as_ref().is_some_and(|outcome| outcome.is_good()),
            owed_since: entry.owed_since.take(),
        })
    }

    /// Takes the outcome of a run. Says whether the query has to run once more, and the same caller has to see to it.
    pub fn finish(&self, id: QueryId, execution: Execution, now: Millis) -> bool {
        let mut held = self.held();
        let held = &mut *held;
        if !held.entries.contains_key(&id) {
            return false;
        }
        let overtaken = self.topics.overtaken(execution.since, &execution.reads);
        let limited = matches!(&execution.outcome, Err(error) if error.code() == Code::RateLimited);
        let unavailable = matches!(&execution.outcome, Err(error) if is_unavailable(error));
        let mut ends_at = execution.holds_until;
        if !unavailable {
            held.set_reads(id, execution.reads);
        }
        let Some(entry) = held.entries.get_mut(&id) else {
            return false;
        };
        let journal = execution.journal.as_deref();
        let outcome = match execution.outcome {
            Ok(value) => Outcome::of_result(&value, journal),
            Err(error) => Outcome::of_error(&error, journal),
        };
        if outcome.is_fault() {
            entry.faults += 1;
            let pause = FIRST_PAUSE_MS << entry.faults.min(16);
            let again = now.plus(pause.min(LONGEST_PAUSE_MS));
            ends_at = Some(ends_at.map_or(again, |at| at.min(again)));
        } else {
            entry.faults = 0;
        }
        if (execution.rests_on_grace || limited) && held.by_query.get(&entry.query) == Some(&id) {
            // Whoever asks from now on is judged by himself.
            held.by_query.remove(&entry.query);
        }
        let again = overtaken || entry.stale;
        let mut changed = false;
        if unavailable {
            // Nothing to show: those who wait go on waiting, the others keep what they have.
            entry.stale = true;
        } else {
            entry.stale = again;
            entry.journal = execution.journal;
            entry.outcome_since = execution.since;
            if entry.outcome.as_deref() != Some(&outcome) {
                held_bytes().increment(bytes(Some(&outcome)) - bytes(entry.outcome.as_deref()));
                entry.outcome = Some(Arc::new(outcome));
                changed = true;
            }
        }
        let once_more = again && !unavailable;
        entry.claimed = once_more;
        let settled = entry.is_settled();
        for watcher in &entry.watchers {
            if changed || (settled && watcher.waiting.load(Ordering::Relaxed)) {
                watcher.notify.notify_one();
            }
        }
        held.set_end(id, ends_at);
        if ends_at.is_some() {
            self.work.notify_one();
        }
        once_more
    }

    /// Has everything run again whose outcome has ended by now.
    pub fn end(&self, now: Millis) {
        let mut held = self.held();
        while let Some((at, id)) = held.ends.first().copied().filter(|(at, _)| *at <= now) {
            held.ends.remove(&(at, id));
            if let Some(entry) = held.entries.get_mut(&id) {
                entry.ends_at = None;
            }
            held.owe(id);
        }
    }

    /// When the next outcome ends by time alone.
    pub fn next_end(&self) -> Option<Millis> {
        self.held().ends.first().map(|(at, _)| *at)
    }

    /// Waits until there may be something to run or another time to wait for.
    pub async fn has_work(&self) {
        self.work.notified().await;
    }

    /// How many queries are held.
    pub fn len(&self) -> usize {
        self.held().entries.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Listener for Engine {
    fn published(&self, at: Sequence, change: Change<'_>) {
        let mut held = self.held();
        let touched: Vec<QueryId> = match change {
            Change::Topics(topics) => (topics.iter())
                .flat_map(|topic| {
                    let all = (
                        Bound::Included((*topic, QueryId(0))),
                        Bound::Included((*topic, QueryId(u64::MAX))),
                    );
                    held.readers.range(all).map(|(_, id)| *id)
                })
                .collect(),
            Change::Everything => held.entries.keys().copied().collect(),
        };
        let mut work = false;
        for id in touched {
            work |= held.owe_after(id, at);
        }
        drop(held);
        if work {
            self.work.notify_one();
        }
    }
}
