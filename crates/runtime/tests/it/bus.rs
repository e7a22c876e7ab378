//! The bus between replicas.

use opencom_runtime::topic;
use std::sync::Arc;

use diesel_async::RunQueryDsl;
use opencom_core::id::UserId;
use opencom_runtime::{Topic, Topics, bus};
use opencom_testkit::{Changes, Database, Heard};
use tokio::sync::watch;

struct Replica {
    topics: Arc<Topics>,
    changes: Changes,
}

impl Replica {
    /// A replica that is connected to the bus.
    async fn join(database: &Database, stop: &watch::Receiver<bool>) -> Self {
        let topics = Arc::new(Topics::default());
        let mut changes = Changes::of(&topics);
        tokio::spawn(bus::run(database.url().to_owned(), Arc::clone(&topics), stop.clone()));
        // Connecting means that changes may have been missed.
        assert!(matches!(changes.recv().await, Heard::Everything));
        Self { topics, changes }
    }

    /// Waits until it hears of a topic.
    async fn hears(&mut self, wanted: Topic) {
        loop {
            if let Heard::Topics(topics) = self.changes.recv().await
                && topics.contains(&wanted)
            {
                return;
            }
        }
    }

    /// Waits until it hears of a topic, or that everything may have changed.
    async fn hears_or_starts_over(&mut self, wanted: Topic) {
        loop {
            match self.changes.recv().await {
                Heard::Everything => return,
                Heard::Topics(topics) if topics.contains(&wanted) => return,
                Heard::Topics(_) => {}
            }
        }
    }

    /// Waits until it hears that everything may have changed.
    async fn starts_over(&mut self) {
        while !matches!(self.changes.recv().await, Heard::Everything) {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_one_replica_is_heard_on_the_other() {
    let database = Database::create().await;
    let (stop, stopping) = watch::channel(false);
    let a = Replica::join(&database, &stopping).await;
    let mut b = Replica::join(&database, &stopping).await;
    let topics: Vec<_> = (0..1000).map(|_| topic::user(UserId::generate())).collect();
    for topic in &topics {
        a.topics.publish(&[*topic]);
    }
    b.hears(topics[999]).await;
    stop.send_replace(true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_bus_was_cut_starts_over_and_hears_again() {
    let database = Database::create().await;
    let (stop, stopping) = watch::channel(false);
    let a = Replica::join(&database, &stopping).await;
    let mut b = Replica::join(&database, &stopping).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    diesel::sql_query(cut)
        .execute(&mut database.connection().await)
        .await
        .unwrap();
    b.starts_over().await;
    // The other one may still be on its way back; what it could not tell meanwhile counts as everything too.
    let topic = topic::user(UserId::generate());
    a.topics.publish(&[topic]);
    b.hears_or_starts_over(topic).await;
    stop.send_replace(true);
}
