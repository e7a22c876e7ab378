//! Which queries run, and how often.

use std::sync::Arc;

use opencom_core::id::UserId;
use opencom_core::{Error, Millis};
use opencom_live::Engine;
use opencom_live::engine::{Query, QueryId, Watcher};
use opencom_runtime::{Caller, Execution, Topic, Topics};

struct Bench {
    topics: Arc<Topics>,
    engine: Arc<Engine>,
    watcher: Arc<Watcher>,
    topic: Topic,
}

const NOW: Millis = Millis(1_000_000);

impl Bench {
    fn new() -> Self {
        let topics = Arc::new(Topics::default());
        Self {
            engine: Engine::new(Arc::clone(&topics)),
            topics,
            watcher: Arc::default(),
            topic: opencom_runtime::topic::user(UserId::generate()),
        }
    }

    fn subscribe(&self, path: &str) -> QueryId {
        let query = Query {
            path: path.to_owned(),
            arguments: "{}".to_owned(),
            caller: Caller::Anonymous,
            journal: None,
        };
        self.engine.subscribe(Arc::new(query), None, &self.watcher)
    }

    fn execution(&self, outcome: Result<String, Error>) -> Execution {
        Execution {
            outcome,
            reads: vec![self.topic],
            holds_until: None,
            since: self.engine.position(),
            journal: None,
            rests_on_grace: false,
        }
    }

    /// Runs everything that has to run, and says how many runs that took.
    fn settle(&self) -> usize {
        let mut runs = 0;
        while let Some(id) = self.engine.next() {
            while self.engine.begin(id).is_some() {
                runs += 1;
                if !self.engine.finish(id, self.execution(Ok("1.0".to_owned())), NOW) {
                    break;
                }
            }
        }
        runs
    }

    fn is_settled(&self, id: QueryId) -> bool {
        self.engine.look([id].into_iter(), &self.watcher)[0].settled
    }
}

#[test]
fn equal_subscriptions_run_once() {
    let bench = Bench::new();
    let ids: Vec<_> = (0..1000).map(|_| bench.subscribe("a:b")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!((bench.engine.len(), bench.settle()), (1, 1));
    bench.topics.publish(&[bench.topic]);
    assert_eq!(bench.settle(), 1);
}

#[test]
fn a_burst_of_changes_during_a_run_costs_one_more_run() {
    let bench = Bench::new();
    let id = bench.subscribe("a:b");
    bench.settle();
    for _ in 0..100 {
        bench.topics.publish(&[bench.topic]);
    }
    assert_eq!(bench.engine.next(), Some(id));
    assert_eq!(bench.engine.next(), None);
    bench.engine.begin(id).unwrap();
    let execution = bench.execution(Ok("2.0".to_owned()));
    for _ in 0..100 {
        bench.topics.publish(&[bench.topic]);
    }
    assert!(bench.engine.finish(id, execution, NOW), "it was overtaken");
    bench.engine.begin(id).unwrap();
    assert!(!bench.engine.finish(id, bench.execution(Ok("3.0".to_owned())), NOW));
    assert!(bench.is_settled(id));
    assert_eq!(bench.engine.next(), None);
}

#[test]
fn a_query_runs_for_what_it_read_last_and_for_nothing_else() {
    let bench = Bench::new();
    let id = bench.subscribe("a:b");
    bench.settle();
    bench
        .topics
        .publish(&[opencom_runtime::topic::user(UserId::generate())]);
    assert_eq!(bench.engine.next(), None);
    bench.topics.publish(&[bench.topic]);
    assert_eq!(bench.engine.next(), Some(id));
    bench.engine.begin(id).unwrap();
    let other = opencom_runtime::topic::user(UserId::generate());
    let execution = Execution {
        reads: vec![other],
        ..bench.execution(Ok("2.0".to_owned()))
    };
    assert!(!bench.engine.finish(id, execution, NOW));
    bench.topics.publish(&[bench.topic]);
    assert_eq!(bench.engine.next(), None);
    bench.topics.publish(&[other]);
    assert_eq!(bench.engine.next(), Some(id));
}

#[test]
fn a_refused_query_runs_again_when_what_it_rests_on_changes() {
    let bench = Bench::new();
    let id = bench.subscribe("a:b");
    bench.engine.next().unwrap();
    bench.engine.begin(id).unwrap();
    let refused = bench.execution(Err(Error::not_authenticated()));
    assert!(!bench.engine.finish(id, refused, NOW));
    assert!(bench.is_settled(id));
    bench.topics.publish(&[bench.topic]);
    assert_eq!(bench.settle(), 1);
}

#[test]
fn a_result_that_ends_by_time_runs_again_then() {
    let bench = Bench::new();
    let id = bench.subscribe("a:b");
    bench.engine.next().unwrap();
    bench.engine.begin(id).unwrap();
    let execution = Execution {
        holds_until: Some(NOW.plus(120_000)),
        ..bench.execution(Ok("true".to_owned()))
    };
    bench.engine.finish(id, execution, NOW);
    assert_eq!(bench.engine.next_end(), Some(NOW.plus(120_000)));
    bench.engine.end(NOW.plus(119_999));
    assert!(bench.is_settled(id));
    bench.engine.end(NOW.plus(120_000));
    assert_eq!(bench.settle(), 1);
    assert_eq!(bench.engine.next_end(), None);
}

#[test]
fn a_fault_is_tried_again_later_and_later() {
    let bench = Bench::new();
    let id = bench.subscribe("a:b");
    let (mut now, mut pauses) = (NOW, Vec::new());
    for _ in 0..12 {
        bench.engine.next().unwrap();
        bench.engine.begin(id).unwrap();
        bench
            .engine
            .finish(id, bench.execution(Err(Error::internal("broken"))), now);
        let next = bench.engine.next_end().unwrap();
        pauses.push(next.0 - now.0);
        now = next;
        bench.engine.end(now);
    }
    assert!(
        pauses.is_sorted() && pauses[0] == 500 && pauses[11] == 30_000,
        "{pauses:?}"
    );
}

#[test]
fn without_a_database_what_was_shown_stays() {
    let bench = Bench::new();
    let id = bench.subscribe("a:b");
    bench.settle();
    let shown = |bench: &Bench| {
        bench.engine.look([id].into_iter(), &bench.watcher)[0]
            .outcome
            .clone()
            .unwrap()
    };
    let before = shown(&bench);
    bench.topics.publish(&[bench.topic]);
    bench.engine.next().unwrap();
    bench.engine.begin(id).unwrap();
    let gone = Error::from(diesel::result::Error::DatabaseError(
        diesel::result::DatabaseErrorKind::ClosedConnection,
        Box::new("gone".to_owned()),
    ));
    assert!(!bench.engine.finish(id, bench.execution(Err(gone)), NOW));
    assert!(!bench.is_settled(id));
    assert_eq!(shown(&bench), before);
    bench.engine.end(bench.engine.next_end().unwrap());
    assert_eq!(bench.settle(), 1);
    assert!(bench.is_settled(id));
}

#[test]
fn a_query_that_rests_on_grace_is_not_shared_with_newcomers() {
    let bench = Bench::new();
    let old = bench.subscribe("a:b");
    bench.engine.next().unwrap();
    bench.engine.begin(old).unwrap();
    let execution = Execution {
        rests_on_grace: true,
        ..bench.execution(Ok("1.0".to_owned()))
    };
    bench.engine.finish(old, execution, NOW);
    let new = bench.subscribe("a:b");
    assert_ne!(old, new);
    bench.engine.unsubscribe(old, &bench.watcher);
    assert_eq!(bench.subscribe("a:b"), new);
}

#[test]
fn what_nobody_holds_is_forgotten_and_does_not_run() {
    let bench = Bench::new();
    let (a, b) = (bench.subscribe("a:b"), bench.subscribe("a:b"));
    bench.engine.unsubscribe(a, &bench.watcher);
    assert_eq!(bench.engine.len(), 1);
    bench.engine.unsubscribe(b, &bench.watcher);
    assert!(bench.engine.is_empty());
    let id = bench.engine.next().unwrap();
    assert!(bench.engine.begin(id).is_none());
    bench.topics.publish(&[bench.topic]);
    assert_eq!(bench.engine.next(), None);
}

#[test]
fn everything_runs_again_when_changes_may_have_been_missed() {
    let bench = Bench::new();
    let (a, b) = (bench.subscribe("a:b"), bench.subscribe("a:c"));
    bench.settle();
    bench.topics.publish_everything();
    assert!(!bench.is_settled(a) && !bench.is_settled(b));
    assert_eq!(bench.settle(), 2);
}
