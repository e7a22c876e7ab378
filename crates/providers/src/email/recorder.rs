//! The local default: keeps mail for looking at instead of sending it.

mod folder;

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use tracing::info;

use self::folder::Folder;
use super::{Delivery, Email, EmailConfigError, EmailError, EmailProvider, mime};

/// Mails kept in memory, and files kept in the directory, unless told otherwise.
const CAPACITY: usize = 1000;

/// Accepts every well-formed mail and keeps the newest of them.
///
/// Like Resend it accepts an idempotency key once: the same key again is answered with the first delivery, and nothing
/// is kept. As many keys are remembered as mails are kept.
pub struct Recorder {
    capacity: usize,
    kept: Mutex<Kept>,
    /// How many mails arrived so far; whoever waits for one is woken by it.
    arrivals: watch::Sender<u64>,
    folder: Option<Folder>,
    /// Held over one `send`: files in the order of the mails, and a key seen once even if sent twice at once.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    /// Oldest first.
    mails: VecDeque<Arc<Email>>,
    /// Idempotency keys with the number of their mail, oldest first; they outlive `take`.
    keys: VecDeque<(String, u64)>,
    arrived: u64,
}

impl Recorder {
    /// Keeps the newest 1000 mails in memory.
    pub fn new() -> Self {
        Self {
            capacity: CAPACITY,
            kept: Mutex::default(),
            arrivals: watch::Sender::new(0),
            folder: None,
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Writes each mail as an `.eml` file into the directory as well, making it if need be and keeping the newest 1000
    /// files. Files of another name than ours are left alone.
    pub fn with_dir(dir: impl Into<PathBuf>) -> Result<Self, EmailConfigError> {
        let folder = Folder::open(dir.into()).map_err(EmailConfigError::RecorderDir)?;
        Ok(Self {
            folder: Some(folder),
            ..Self::new()
        })
    }

    /// How many mails, and files, to keep; at least one.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            ..self
        }
    }

    /// The mails kept, oldest first.
    pub fn sent(&self) -> Vec<Arc<Email>> {
        self.kept().mails.iter().cloned().collect()
    }

    /// Empties the memory and gives what was in it, oldest first.
    pub fn take(&self) -> Vec<Arc<Email>> {
        self.kept().mails.drain(..).collect()
    }

    /// The oldest kept mail that the predicate accepts, or the first to arrive. The mail stays kept.
    ///
    /// Waits as long as it takes; put a timeout around it.
    pub async fn wait_for(&self, predicate: impl Fn(&Email) -> bool) -> Arc<Email> {
        self.wait(|mails| mails.iter().find(|mail| predicate(mail)).cloned())
            .await
    }

    /// Like [`Recorder::wait_for`], and takes the mail out, so that the next call waits for the next mail.
    pub async fn wait_take(&self, predicate: impl Fn(&Email) -> bool) -> Arc<Email> {
        self.wait(|mails| {
            mails
                .iter()
                .position(|mail| predicate(mail))
                .and_then(|index| mails.remove(index))
        })
        .await
    }

    async fn wait(&self, mut find: impl FnMut(&mut VecDeque<Arc<Email>>) -> Option<Arc<Email>>) -> Arc<Email> {
        // Subscribed before the first look, so that a mail between look and wait is not missed.
        let mut arrivals = self.arrivals.subscribe();
        loop {
            if let Some(mail) = find(&mut self.kept().mails) {
                return mail;
            }
            if arrivals.changed().await.is_err() {
                // The sender is part of `self` and cannot go away under a borrow of it.
                std::future::pending::<()>().await;
            }
        }
    }

    fn known(&self, mail: &Email) -> Option<Delivery> {
        let key = mail.idempotency_key.as_ref()?;
        self.kept()
            .keys
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, number)| delivery(*number))
    }

    fn keep(&self, mail: &Email) -> Delivery {
        let number = {
            let mut kept = self.kept();
            kept.arrived += 1;
            let number = kept.arrived;
            kept.mails.push_back(Arc::new(mail.clone()));
            if kept.mails.len() > self.capacity {
                kept.mails.pop_front();
            }
            if let Some(key) = &mail.idempotency_key {
                kept.keys.push_back((key.clone(), number));
                if kept.keys.len() > self.capacity {
                    kept.keys.pop_front();
                }
            }
            number
        };
        self.arrivals.send_replace(number);
        delivery(number)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl EmailProvider for Recorder {
    async fn send(&self, mail: &Email) -> Result<Delivery, EmailError> {
        // Laid out even without a directory, so that what SMTP would refuse is refused here too.
        let message = mime::message(mail)?;
        let _turn = self.turn.lock().await;
        if let Some(delivery) = self.known(mail) {
            return Ok(delivery);
        }
        let file = match &self.folder {
            Some(folder) => Some(
                folder
                    .write(message.formatted(), self.capacity)
                    .await
                    .map_err(not_written)?,
            ),
            None => None,
        };
        let delivery = self.keep(mail);
        let file = file.as_ref().map(|file| tracing::field::display(file.display()));
        info!(subject = %mail.subject, file, "mail recorded");
        Ok(delivery)
    }

    async fn check(&self) -> Result<(), EmailError> {
        match &self.folder {
            Some(folder) => folder.check().await.map_err(not_written),
            None => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        "recorder"
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

fn delivery(number: u64) -> Delivery {
    Delivery {
        provider_id: Some(format!("recorded-{number}")),
    }
}

fn not_written(error: std::io::Error) -> EmailError {
    EmailError::unavailable(format!(
        "The mail cannot be written to the directory for recorded mail: {error}."
    ))
}
