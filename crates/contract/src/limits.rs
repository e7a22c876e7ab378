//! How long texts may be, in characters. The published apps stay far below; the limits keep hostile input out of
//! indexes and rows.

use validator::ValidationError;

/// Names of people, workspaces and files.
pub const NAME: u64 = 256;
/// Identifiers that a client chooses: session ids, external user ids, versions.
pub const IDENTIFIER: u64 = 512;
/// E-mail addresses.
pub const EMAIL: u64 = 320;
/// URLs.
pub const URL: u64 = 8192;
/// Passwords, so that hashing one costs a bounded time.
pub const PASSWORD: u64 = 1024;
/// Tokens and codes.
pub const TOKEN: u64 = 1024;
/// The text of a message.
pub const MESSAGE: u64 = 64 * 1024;
/// All custom attributes of a visitor together, in bytes of JSON.
pub const ATTRIBUTES_BYTES: usize = 256 * 1024;
/// Entries in one list of ids or texts.
pub const IDS: u64 = 1000;
/// Recipients of one mail.
pub const RECIPIENTS: u64 = 50;
/// The subject of a mail, as long as a line of one may be.
pub const SUBJECT: u64 = 998;
/// Titles of articles and names of collections, from which addresses are made.
pub const TITLE: u64 = 1000;
/// The text of an article.
pub const ARTICLE: u64 = 1_000_000;
/// What a collection says about itself.
pub const DESCRIPTION: u64 = 10_000;
/// What is searched for.
pub const QUERY: u64 = 1000;

/// Whether no entry of a list is longer than an identifier.
pub(crate) fn short_entries(entries: &[String]) -> Result<(), ValidationError> {
    let too_long = |entry: &String| entry.chars().nth(IDENTIFIER as usize).is_some();
    if entries.iter().any(too_long) {
        let text = format!("Every entry must be at most {IDENTIFIER} long");
        return Err(ValidationError::new("entries").with_message(text.into()));
    }
    Ok(())
}
