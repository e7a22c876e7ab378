//! Which statements a call sends to the database, and the plans of them.

use std::cell::RefCell;

use crate::{Contexts, Kit};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

thread_local! {
    /// The statements of a test while it records: each test runs on a thread of its own.
    static STATEMENTS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

struct Record;

impl Instrumentation for Record {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds: ").next().unwrap_or_default();
            STATEMENTS.with_borrow_mut(|statements| {
                if let Some(statements) = statements {
                    statements.push(sql.to_owned());
                }
            });
        }
    }
}

/// A kit whose statements can be recorded. There is one instrumentation for all tests of the program.
pub async fn observed_kit(contexts: Contexts) -> Kit {
    set_default_instrumentation(|| Some(Box::new(Record))).expect("an instrumentation");
    Kit::start(contexts).await
}

/// What a call gives and the statements that it sends, without those that begin and end transactions.
pub async fn recorded<T>(call: impl Future<Output = T>) -> (T, Vec<String>) {
    STATEMENTS.set(Some(Vec::new()));
    let outcome = call.await;
    let mut statements = STATEMENTS.take().unwrap_or_default();
    statements.retain(|sql| {
        !["BEGIN", "COMMIT", "ROLLBACK", "SET"]
            .iter()
            .any(|verb| sql.starts_with(verb))
    });
    (outcome, statements)
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

/// The plan that the server makes for a statement without knowing its arguments.
pub async fn plan(connection: &mut AsyncPgConnection, sql: &str) -> String {
    let parameters = (1..).take_while(|n| sql.contains(&format!("${n}"))).count();
    let nulls = if parameters == 0 {
        String::new()
    } else {
        format!("({})", vec!["NULL"; parameters].join(", "))
    };
    connection
        .batch_execute(&format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE statement AS {sql}"
        ))
        .await
        .expect("the statement");
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN EXECUTE statement{nulls}"))
        .load(connection)
        .await
        .expect("its plan");
    connection.batch_execute("DEALLOCATE statement").await.expect("an end");
    lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}
