//! Threading headers of outgoing mails: `Message-ID` and `References` (RFC 5322, section 3.6.4).

use opencom_core::Millis;
use opencom_core::id::WorkspaceId;

/// Bytes of randomness in a message id.
pub const MESSAGE_ID_RANDOM: usize = 8;
/// The most references that a mail carries.
pub const MAX_REFERENCES: usize = 20;

/// Builds a message id: `<time.random.workspace@domain>`.
pub fn message_id(now: Millis, random: [u8; MESSAGE_ID_RANDOM], workspace: WorkspaceId, domain: &str) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let random: String = random
        .iter()
        .map(|byte| char::from(DIGITS[usize::from(*byte) % DIGITS.len()]))
        .collect();
    format!("<{}.{random}.{workspace}@{domain}>", now.0)
}

/// Returns the references of a reply: those of the parent, then the parent's message id.
pub fn reply_references(mut parent_references: Vec<String>, parent_id: String) -> Vec<String> {
    parent_references.push(parent_id);
    parent_references
}

/// Limits references to [`MAX_REFERENCES`]: the first one, which names the thread, and the newest.
pub fn limit_references(mut references: Vec<String>) -> Vec<String> {
    if references.len() > MAX_REFERENCES {
        references.drain(1..references.len() + 1 - MAX_REFERENCES);
    }
    references
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_threads_keep_their_beginning_and_their_end() {
        let ids = |range: std::ops::Range<usize>| range.map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(limit_references(ids(0..3)), ids(0..3));
        let kept = limit_references(ids(0..50));
        assert_eq!(
            (kept.len(), kept[0].as_str(), kept[1].as_str()),
            (MAX_REFERENCES, "0", "31")
        );
        assert_eq!(kept.last().unwrap(), "49");
    }

    #[test]
    fn message_ids_have_time_randomness_workspace_and_domain() {
        let workspace = WorkspaceId::generate();
        assert_eq!(
            message_id(
                Millis(1_764_000_000_000),
                [0, 9, 10, 35, 36, 71, 72, 255],
                workspace,
                "example.com"
            ),
            format!("<1764000000000.09az0z03.{workspace}@example.com>")
        );
    }

    #[test]
    fn a_reply_refers_to_its_parent_last() {
        let references = reply_references(vec!["<a@x>".to_owned()], "<b@x>".to_owned());
        assert_eq!(references, ["<a@x>", "<b@x>"]);
    }
}
