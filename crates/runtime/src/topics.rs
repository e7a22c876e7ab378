//! Published changes: their order, who is told, and the cache whose entries die by them.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::mpsc;

use crate::Topic;

/// How many published topics are remembered, to tell a reader that it was overtaken.
const REMEMBERED: usize = 16 * 1024;
/// How many cached values are kept.
const CACHED: u64 = 100_000;

/// What listeners are told.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// These changed.
    Topics(&'a [Topic]),
    /// Changes may have been missed: anything may have changed.
    Everything,
}

/// A point in the order of published changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

/// Hears of every change, in place: whoever publishes goes on when every listener has taken note.
pub trait Listener: Send + Sync {
    /// `change` was published as number `at`. Two changes that are published at once may be heard in either order.
    fn published(&self, at: Sequence, change: Change<'_>);
}

/// Where changes are published.
pub struct Topics {
    log: Mutex<Log>,
    cache: moka::sync::Cache<Topic, Arc<dyn Any + Send + Sync>>,
    listeners: RwLock<Vec<Weak<dyn Listener>>>,
    outbox: Mutex<Option<mpsc::Sender<Topic>>>,
}

#[derive(Default)]
struct Log {
    /// The number of the newest publication.
    newest: u64,
    /// The newest publication that the log has forgotten.
    forgotten: u64,
    recent: VecDeque<(u64, Topic)>,
    /// What transactions that are committing right now will publish, by a number of their own.
    committing: HashMap<u64, Vec<Topic>>,
    announced: u64,
}

impl Log {
    fn append(&mut self, topics: &[Topic]) -> Sequence {
        self.newest += 1;
        let newest = self.newest;
        self.recent.extend(topics.iter().map(|topic| (newest, *topic)));
        while self.recent.len() > REMEMBERED {
            if let Some((n, _)) = self.recent.pop_front() {
                self.forgotten = n;
            }
        }
        Sequence(newest)
    }
}

/// A commit that may be visible to readers already and is not published yet. Publishes when it is dropped, whatever
/// became of the commit: publishing too much does no harm.
#[must_use]
pub struct Committing {
    topics: Arc<Topics>,
    number: u64,
}

impl Drop for Committing {
    fn drop(&mut self) {
        let (at, changed) = {
            let mut log = self.topics.log();
            let changed = log.committing.remove(&self.number).unwrap_or_default();
            if changed.is_empty() {
                return;
            }
            (log.append(&changed), changed)
        };
        self.topics.tell_here(at, &changed);
        self.topics.tell_others(&changed);
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            log: Mutex::default(),
            cache: moka::sync::Cache::new(CACHED),
            listeners: RwLock::default(),
            outbox: Mutex::default(),
        }
    }
}

impl Topics {
    /// Where the order stands. Note it before reading, ask [`overtaken`](Self::overtaken) after.
    pub fn sequence(&self) -> Sequence {
        Sequence(self.log().newest)
    }

    /// Whether one of `topics` was published after `since` or is being committed right now, as far as the log reaches
    /// back; `true` beyond.
    pub fn overtaken(&self, since: Sequence, topics: &[Topic]) -> bool {
        let log = self.log();
        log.forgotten > since.0
            || log
                .recent
                .iter()
                .rev()
                .take_while(|(n, _)| *n > since.0)
                .any(|(_, topic)| topics.contains(topic))
            || log.committing.values().flatten().any(|topic| topics.contains(topic))
    }

    /// Says what a transaction that is about to commit has changed. Drop the result when the answer to the commit is
    /// there: that publishes, here and to the other replicas.
    pub fn committing(self: &Arc<Self>, topics: Vec<Topic>) -> Committing {
        let mut log = self.log();
        log.announced += 1;
        let number = log.announced;
        if !topics.is_empty() {
            log.committing.insert(number, topics);
        }
        drop(log);
        Committing {
            topics: Arc::clone(self),
            number,
        }
    }

    /// Publishes what changed: here, and to the other replicas.
    pub fn publish(&self, topics: &[Topic]) {
        self.publish_here(topics);
        self.tell_others(topics);
    }

    /// Publishes what another replica changed.
    pub fn publish_here(&self, topics: &[Topic]) {
        if !topics.is_empty() {
            let at = self.log().append(topics);
            self.tell_here(at, topics);
        }
    }

    fn tell_here(&self, at: Sequence, topics: &[Topic]) {
        for topic in topics {
            self.cache.invalidate(topic);
        }
        self.tell_listeners(at, Change::Topics(topics));
    }

    fn tell_others(&self, topics: &[Topic]) {
        if let Some(outbox) = &*self.outbox.lock().unwrap_or_else(PoisonError::into_inner) {
            for topic in topics {
                // A full outbox means that the bus is down. It starts over with `Everything` once it is back.
                let _full = outbox.try_send(*topic);
            }
        }
    }

    fn tell_listeners(&self, at: Sequence, change: Change<'_>) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.published(at, change);
        }
    }

    /// Says that changes may have been missed.
    pub fn publish_everything(&self) {
        let at = {
            let mut log = self.log();
            log.newest += 1;
            log.forgotten = log.newest;
            log.recent.clear();
            Sequence(log.newest)
        };
        self.cache.invalidate_all();
        self.tell_listeners(at, Change::Everything);
    }

    /// Tells `listener` of every change from now on, as long as somebody else holds it.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(listener);
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
        if self.overtaken(since, &[topic]) {
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
    use crate::topic;

    #[test]
    fn a_reader_learns_that_it_was_overtaken() {
        let topics = Topics::default();
        let (a, b) = (topic::user(UserId::generate()), topic::user(UserId::generate()));
        let before = topics.sequence();
        topics.publish(&[a]);
        assert!(topics.overtaken(before, &[b, a]));
        assert!(!topics.overtaken(before, &[b]));
        assert!(!topics.overtaken(topics.sequence(), &[a]));
        topics.publish_everything();
        assert!(topics.overtaken(before, &[b]));
        assert!(!topics.overtaken(topics.sequence(), &[b]));
    }

    #[test]
    fn a_reader_is_overtaken_from_the_commit_on_and_not_only_from_its_publication() {
        let topics = Arc::new(Topics::default());
        let topic = topic::user(UserId::generate());
        let before = topics.sequence();
        let committing = topics.committing(vec![topic]);
        assert!(topics.overtaken(before, &[topic]));
        assert_eq!(topics.sequence(), before);
        drop(committing);
        assert!(topics.overtaken(before, &[topic]));
        assert!(!topics.overtaken(topics.sequence(), &[topic]));
    }

    #[test]
    fn what_the_log_has_forgotten_counts_as_published() {
        let topics = Topics::default();
        let quiet = topic::user(UserId::generate());
        let before = topics.sequence();
        for _ in 0..=REMEMBERED {
            topics.publish(&[topic::user(UserId::generate())]);
        }
        assert!(topics.overtaken(before, &[quiet]));
    }

    #[test]
    fn a_cached_value_dies_with_its_topic() {
        let topics = Topics::default();
        let topic = topic::user(UserId::generate());
        topics.cache(topic, topics.sequence(), Arc::new(1_u32));
        assert_eq!(topics.cached::<u32>(&topic).as_deref(), Some(&1));
        topics.publish(&[topic]);
        assert_eq!(topics.cached::<u32>(&topic), None);
    }

    #[test]
    fn a_value_that_was_read_before_a_change_is_not_cached() {
        let topics = Topics::default();
        let topic = topic::user(UserId::generate());
        let before = topics.sequence();
        topics.publish(&[topic]);
        topics.cache(topic, before, Arc::new(1_u32));
        assert_eq!(topics.cached::<u32>(&topic), None);
    }
}
