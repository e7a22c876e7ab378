//! Published changes: their order, who is told, and the cache whose entries die by them.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, mpsc};

use crate::Topic;

/// How many published topics are remembered, to tell a reader that it was overtaken.
const REMEMBERED: usize = 16 * 1024;
/// How many cached values are kept.
const CACHED: u64 = 100_000;
/// How far a listener may fall behind before it is told that everything may have changed.
const BACKLOG: usize = 8 * 1024;

/// What listeners are told.
#[derive(Clone, Debug)]
pub enum Change {
    /// These changed.
    Topics(Arc<[Topic]>),
    /// Changes may have been missed: anything may have changed.
    Everything,
}

/// A point in the order of published changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(u64);

/// Where changes are published.
pub struct Topics {
    log: Mutex<Log>,
    cache: moka::sync::Cache<Topic, Arc<dyn Any + Send + Sync>>,
    listeners: broadcast::Sender<Change>,
    outbox: Mutex<Option<mpsc::Sender<Topic>>>,
}

#[derive(Default)]
struct Log {
    /// The number of the newest publication.
    newest: u64,
    /// The newest publication that the log has forgotten.
    forgotten: u64,
    recent: VecDeque<(u64, Topic)>,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            log: Mutex::default(),
            cache: moka::sync::Cache::new(CACHED),
            listeners: broadcast::channel(BACKLOG).0,
            outbox: Mutex::default(),
        }
    }
}

impl Topics {
    /// Where the order stands. Note it before reading, ask [`published_since`](Self::published_since) after.
    pub fn sequence(&self) -> Sequence {
        Sequence(self.log().newest)
    }

    /// Whether one of `topics` was published after `since`, as far as the log reaches back; `true` beyond.
    pub fn published_since(&self, since: Sequence, topics: &[Topic]) -> bool {
        let log = self.log();
        log.forgotten > since.0
            || log
                .recent
                .iter()
                .rev()
                .take_while(|(n, _)| *n > since.0)
                .any(|(_, topic)| topics.contains(topic))
    }

    /// Publishes what a transaction changed, after its commit: here, and to the other replicas.
    pub fn publish(&self, topics: &[Topic]) {
        self.publish_here(topics);
        if let Some(outbox) = &*self.outbox.lock().unwrap_or_else(PoisonError::into_inner) {
            for topic in topics {
                // A full outbox means that the bus is down. It starts over with `Everything` once it is back.
                let _full = outbox.try_send(*topic);
            }
        }
    }

    /// Publishes what another replica changed.
    pub fn publish_here(&self, topics: &[Topic]) {
        if topics.is_empty() {
            return;
        }
        {
            let mut log = self.log();
            log.newest += 1;
            let newest = log.newest;
            log.recent.extend(topics.iter().map(|topic| (newest, *topic)));
            while log.recent.len() > REMEMBERED {
                if let Some((n, _)) = log.recent.pop_front() {
                    log.forgotten = n;
                }
            }
        }
        for topic in topics {
            self.cache.invalidate(topic);
        }
        // Nobody listening is no error.
        let _nobody = self.listeners.send(Change::Topics(topics.into()));
    }

    /// Says that changes may have been missed.
    pub fn publish_everything(&self) {
        {
            let mut log = self.log();
            log.newest += 1;
            log.forgotten = log.newest;
            log.recent.clear();
        }
        self.cache.invalidate_all();
        let _nobody = self.listeners.send(Change::Everything);
    }

    /// Hears of every change from now on. A listener that lags has to treat that as [`Change::Everything`].
    pub fn listen(&self) -> broadcast::Receiver<Change> {
        self.listeners.subscribe()
    }

    /// Sends what is published here to `outbox` too, for the other replicas.
    pub fn connect(&self, outbox: mpsc::Sender<Topic>) {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(outbox);
    }

    /// The value cached under a topic.
    pub fn cached<T: Send + Sync + 'static>(&self, topic: &Topic) -> Option<Arc<T>> {
        self.cache.get(topic)?.downcast().ok()
    }

    /// Caches a value that was read at or after `since`, unless its topic was published meanwhile.
    pub fn cache<T: Send + Sync + 'static>(&self, topic: Topic, since: Sequence, value: Arc<T>) {
        self.cache.insert(topic, value);
        // Looked at after inserting: a publication from here on removes the entry itself.
        if self.published_since(since, &[topic]) {
            self.cache.invalidate(&topic);
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use opencom_core::id::UserId;

    use super::*;

    #[test]
    fn a_reader_learns_that_it_was_overtaken() {
        let topics = Topics::default();
        let (a, b) = (Topic::User(UserId::generate()), Topic::User(UserId::generate()));
        let before = topics.sequence();
        topics.publish(&[a]);
        assert!(topics.published_since(before, &[b, a]));
        assert!(!topics.published_since(before, &[b]));
        assert!(!topics.published_since(topics.sequence(), &[a]));
        topics.publish_everything();
        assert!(topics.published_since(before, &[b]));
        assert!(!topics.published_since(topics.sequence(), &[b]));
    }

    #[test]
    fn what_the_log_has_forgotten_counts_as_published() {
        let topics = Topics::default();
        let quiet = Topic::User(UserId::generate());
        let before = topics.sequence();
        for _ in 0..=REMEMBERED {
            topics.publish(&[Topic::User(UserId::generate())]);
        }
        assert!(topics.published_since(before, &[quiet]));
    }

    #[test]
    fn a_cached_value_dies_with_its_topic() {
        let topics = Topics::default();
        let topic = Topic::User(UserId::generate());
        topics.cache(topic, topics.sequence(), Arc::new(1_u32));
        assert_eq!(topics.cached::<u32>(&topic).as_deref(), Some(&1));
        topics.publish(&[topic]);
        assert_eq!(topics.cached::<u32>(&topic), None);
    }

    #[test]
    fn a_value_that_was_read_before_a_change_is_not_cached() {
        let topics = Topics::default();
        let topic = Topic::User(UserId::generate());
        let before = topics.sequence();
        topics.publish(&[topic]);
        topics.cache(topic, before, Arc::new(1_u32));
        assert_eq!(topics.cached::<u32>(&topic), None);
    }
}
