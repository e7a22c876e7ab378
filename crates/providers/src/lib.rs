//! The outside world behind traits: e-mail and file storage, with real adapters and a local default for each.
//!
//! [`email::EmailProvider`] sends one mail, [`files::FileStore`] keeps uploaded files. Neither knows anything about
//! conversations, workspaces or jobs: retrying is the job queue's work, and an error only says whether it makes sense.
//!
//! This crate never reads the environment, never reaches a database, and never writes a secret or the body of a mail
//! into a log line or a `Debug` text.

#![warn(missing_docs)]

pub mod email;
pub mod files;
mod http;
