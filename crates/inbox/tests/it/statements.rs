//! Which statements a call sends to the database.

use std::cell::RefCell;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use opencom_testkit::Kit;

thread_local! {
    /// The statements of a test while it records: each test runs on a thread of its own.
    static STATEMENTS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

struct Record;

impl Instrumentation for Record {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            STATEMENTS.with_borrow_mut(|statements| {
                if let Some(statements) = statements {
                    statements.push(query.to_string());
                }
            });
        }
    }
}

/// A kit whose statements can be recorded.
pub(crate) async fn observed_kit() -> Kit {
    set_default_instrumentation(|| Some(Box::new(Record))).unwrap();
    Kit::start().await
}

/// What a call gives and the statements that it sends, without those that begin and end transactions.
pub(crate) async fn recorded<T>(call: impl Future<Output = T>) -> (T, Vec<String>) {
    STATEMENTS.set(Some(Vec::new()));
    let outcome = call.await;
    let mut statements = STATEMENTS.take().unwrap_or_default();
    statements.retain(|sql| {
        ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|verb| sql.starts_with(verb))
    });
    (outcome, statements)
}
