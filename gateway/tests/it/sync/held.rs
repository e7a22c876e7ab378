//! Transactions that a test stops at their commit: after it nothing can fail any more, before it nothing is visible.

use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use opencom_testkit::Database;

use super::socket::PATIENCE;

const LOCK: i64 = 4711;

/// While this lives, whoever inserts into a table waits inside COMMIT.
pub(crate) struct Held {
    holding: AsyncPgConnection,
    looking: tokio::sync::Mutex<AsyncPgConnection>,
}

impl Held {
    /// Stops the commits of transactions that insert into `table`.
    pub(crate) async fn commits_of(database: &Database, table: &str) -> Self {
        let mut holding = database.connection().await;
        let script = format!(
            "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON {table}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
             SELECT pg_advisory_lock({LOCK});"
        );
        holding.batch_execute(&script).await.unwrap();
        Self {
            holding,
            looking: tokio::sync::Mutex::new(database.connection().await),
        }
    }

    /// Returns once `count` transactions wait: at their commit, or for one that does.
    pub(crate) async fn reached_by(&self, count: i64) {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = Bool)]
            reached: bool,
        }
        let mut looking = self.looking.lock().await;
        let look = "SELECT count(*) >= $1 AS reached FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
        tokio::time::timeout(PATIENCE, async {
            loop {
                let row: Row = diesel::sql_query(look)
                    .bind::<BigInt, _>(count)
                    .get_result(&mut *looking)
                    .await
                    .unwrap();
                if row.reached {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("nobody came to the commit");
    }

    /// Lets them commit.
    pub(crate) async fn let_go(&mut self) {
        self.holding
            .batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))
            .await
            .unwrap();
    }
}
