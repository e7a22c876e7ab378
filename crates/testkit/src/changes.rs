//! What was published, for tests to look at.

use std::sync::Arc;

use opencom_runtime::topics::{Change, Listener, Sequence};
use opencom_runtime::{Topic, Topics};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A published change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// These changed.
    Topics(Vec<Topic>),
    /// Anything may have changed.
    Everything,
}

/// What was published since it began to listen, in order.
pub struct Changes {
    heard: UnboundedReceiver<Heard>,
    _ear: Arc<Ear>,
}

struct Ear(UnboundedSender<Heard>);

impl Listener for Ear {
    fn published(&self, _: Sequence, change: Change<'_>) {
        let heard = match change {
            Change::Topics(topics) => Heard::Topics(topics.to_vec()),
            Change::Everything => Heard::Everything,
        };
        // The test may be over.
        let _gone = self.0.send(heard);
    }
}

impl Changes {
    /// Listens from now on.
    pub fn of(topics: &Topics) -> Self {
        let (sender, heard) = unbounded_channel();
        let ear = Arc::new(Ear(sender));
        let weak = Arc::downgrade(&ear);
        topics.listen(weak);
        Self { heard, _ear: ear }
    }

    /// The next change that was published already.
    pub fn try_next(&mut self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }

    /// Waits for the next change.
    pub async fn recv(&mut self) -> Heard {
        self.heard.recv().await.expect("the sender is held beside the receiver")
    }
}
