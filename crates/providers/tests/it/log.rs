//! What the crate logs, kept per thread, as each test has a thread of its own.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Starts keeping, for the whole process: a subscriber of one test alone can miss an event whose place in the code
/// another test reaches for the first time just then.
pub(crate) fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Log).unwrap());
}

/// A line with the level of each event, and one for each of its fields.
pub(crate) fn of_this_thread() -> String {
    LINES.with_borrow(Clone::clone)
}

struct Log;

struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        LINES.with_borrow_mut(|lines| writeln!(lines, "{field}={value:?}").unwrap());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("opencom")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        LINES.with_borrow_mut(|lines| writeln!(lines, "{}", event.metadata().level()).unwrap());
        event.record(&mut Fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
