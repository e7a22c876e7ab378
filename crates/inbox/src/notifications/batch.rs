//! When a mail is due and which messages it tells of: pure decisions over the newest messages of a thread.

use opencom_contract::messages::SenderType;
use opencom_core::Millis;
use opencom_core::id::MessageId;
use serde::{Deserialize, Serialize};

use crate::messages::rows::SignedMessage;

/// How long a thread is quiet before a mail tells of it; a longer gap ends what one mail tells of.
pub(super) const QUIET: i64 = Millis::MINUTE;
/// The most new messages in one mail.
const MOST: usize = 8;

/// Whom mails are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// The members of the workspace: told of what the visitor writes.
    Members,
    /// The visitor: told of what agents and bots write.
    Visitor,
}

impl Audience {
    /// Whom a message is for; nobody is told of what users write.
    pub(super) fn of(sender: SenderType) -> Option<Self> {
        match sender {
            SenderType::Visitor => Some(Self::Members),
            SenderType::Agent | SenderType::Bot => Some(Self::Visitor),
            SenderType::User => None,
        }
    }

    fn is_told_of(self, signed: &SignedMessage) -> bool {
        Self::of(signed.message.sender_type) == Some(self)
    }
}

/// What the job of a minute does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: there is no message, or a later minute's job tells of it.
    Stop,
    /// Waits until the last message has been quiet for long enough.
    LookAgain(Millis),
    /// Tells of this message and those before it.
    Mail(MessageId),
}

/// The minute of a moment.
pub(super) fn minute(at: Millis) -> i64 {
    at.0.div_euclid(Millis::MINUTE)
}

/// What the job for the minute of `sent_at` does, given the newest messages, newest first.
pub(super) fn next_step(thread: &[SignedMessage], audience: Audience, sent_at: Millis, now: Millis) -> Step {
    let Some(newest) = thread.iter().find(|signed| audience.is_told_of(signed)) else {
        return Step::Stop;
    };
    let at = newest.message.created_at;
    if minute(at) > minute(sent_at) {
        Step::Stop
    } else if now < at.plus(QUIET) {
        Step::LookAgain(at.plus(QUIET))
    } else {
        Step::Mail(newest.message.id)
    }
}

/// How many messages from the first one on, which is the newest, one mail tells of as new.
pub(super) fn length(thread: &[SignedMessage], audience: Audience) -> usize {
    let gap = |pair: &[SignedMessage]| pair[0].message.created_at.since(pair[1].message.created_at);
    let follow = thread
        .windows(2)
        .take_while(|pair| audience.is_told_of(&pair[1]) && gap(pair) <= QUIET)
        .count();
    (follow + 1).min(MOST)
}

#[cfg(test)]
mod tests {
    use opencom_core::id::ConversationId;

    use super::*;
    use crate::messages::rows::MessageRow;

    /// A thread, newest first, of messages by sender and second.
    fn thread(messages: &[(SenderType, i64)]) -> Vec<SignedMessage> {
        let conversation_id = ConversationId::generate();
        let signed = |(sender_type, second): &(SenderType, i64)| SignedMessage {
            message: MessageRow {
                id: MessageId::generate(),
                conversation_id,
                sender_id: "somebody".to_owned(),
                sender_user_id: None,
                sender_type: *sender_type,
                content: format!("at {second}"),
                channel: None,
                email_metadata: None,
                delivery_status: None,
                attachment_ids: None,
                created_at: Millis(second * Millis::SECOND),
            },
            name: None,
            email: None,
        };
        messages.iter().map(signed).collect()
    }

    const V: SenderType = SenderType::Visitor;
    const A: SenderType = SenderType::Agent;
    const B: SenderType = SenderType::Bot;
    const U: SenderType = SenderType::User;

    #[test]
    fn a_mail_waits_until_the_thread_is_quiet() {
        let second = |second: i64| Millis(second * Millis::SECOND);
        let quiet = thread(&[(A, 70), (V, 5)]);
        let first = quiet[1].message.id;
        assert_eq!(
            next_step(&quiet, Audience::Members, second(5), second(65)),
            Step::Mail(first)
        );
        let goes_on = thread(&[(V, 50), (V, 5)]);
        assert_eq!(
            next_step(&goes_on, Audience::Members, second(5), second(65)),
            Step::LookAgain(second(110))
        );
        let last = goes_on[0].message.id;
        assert_eq!(
            next_step(&goes_on, Audience::Members, second(5), second(110)),
            Step::Mail(last)
        );
        let next_minute = thread(&[(V, 61), (V, 5)]);
        assert_eq!(
            next_step(&next_minute, Audience::Members, second(5), second(65)),
            Step::Stop
        );
        let answered_only = thread(&[(A, 5)]);
        assert_eq!(
            next_step(&answered_only, Audience::Members, second(5), second(65)),
            Step::Stop
        );
    }

    #[test]
    fn a_batch_ends_at_the_other_side_at_a_gap_and_at_eight() {
        for (messages, audience, expected) in [
            (vec![(V, 10)], Audience::Members, 1),
            (vec![(V, 130), (V, 70), (V, 10)], Audience::Members, 3),
            (vec![(V, 131), (V, 70), (V, 10)], Audience::Members, 1),
            (vec![(V, 30), (A, 20), (V, 10)], Audience::Members, 1),
            (vec![(V, 30), (U, 20), (V, 10)], Audience::Members, 1),
            (vec![(A, 30), (B, 20), (V, 10)], Audience::Visitor, 2),
            (vec![(V, 10); 20], Audience::Members, 8),
        ] {
            assert_eq!(length(&thread(&messages), audience), expected, "{messages:?}");
        }
    }
}
