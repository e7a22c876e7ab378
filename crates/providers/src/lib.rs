//! The outside world behind traits: e-mail, embeddings and file storage, with real adapters and a local default for each.
//!
//! [`email::EmailProvider`] sends one mail, [`embeddings::EmbeddingsProvider`] makes vectors of texts,
//! [`files::FileStore`] keeps uploaded files. None knows anything about conversations, workspaces or jobs: retrying is the job queue's work, and an error only says whether it makes sense.
//!
//! This crate never reads the environment, never reaches a database, and never writes a secret or the body of a mail
//! into a log line or a `Debug` text.

#![warn(missing_docs)]

pub mod email;
pub mod embeddings;
pub mod files;
pub mod http;
