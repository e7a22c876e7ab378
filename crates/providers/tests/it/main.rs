//! The adapters against servers on this machine that speak the real protocols.
#![expect(clippy::unwrap_used, reason = "a failed step of a test ends the test")]

mod config;
mod embeddings;
mod http_server;
mod local_disk;
mod log;
mod recorder;
mod resend;
mod s3;
mod smtp;
mod smtp_server;

use opencom_providers::email::{Email, Mailbox};

/// A mail with a body that must not turn up in logs.
fn mail(subject: &str) -> Email {
    log::install();
    let from = Mailbox::new(Some("Opencom"), "noreply@opencom.example").unwrap();
    let to = Mailbox::new(None, "ada@example.com").unwrap();
    Email::new(from, to, subject, "<p>Your code is 123456</p>")
}
