//! Writes of `conversations`.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, SingleValue, SqlType, Timestamptz};
use diesel_async::AsyncPgConnection;
use opencom_contract::conversations::{ConversationStatus, ReaderType};
use opencom_core::Millis;
use opencom_core::Result;
use opencom_core::id::{MessageId, UserId};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::statement::prepared;
use opencom_schema::conversations;

use super::rows::{ConversationRow, LockedConversation, NewConversation, Parties};

diesel::define_sql_function! {
    fn coalesce<T: SqlType + SingleValue>(first: Nullable<T>, second: T) -> T;
}

/// Opens a conversation.
pub(crate) async fn insert(cx: &mut MutationCx, new: NewConversation<'_>) -> Result<ConversationRow> {
    touched(
        cx,
        Parties {
            id: new.id,
            workspace_id: new.workspace_id,
            visitor_id: new.visitor_id,
        },
    );
    let row = diesel::insert_into(conversations::table)
        .values(new)
        .returning(ConversationRow::as_returning())
        .get_result(cx.connection().await?)
        .await?;
    Ok(row)
}

/// What a new message does to its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewMessageMarks {
    /// The message.
    pub(crate) message: MessageId,
    /// When it was sent.
    pub(crate) at: Millis,
    /// Whose counter goes up.
    pub(crate) unread_by: Option<ReaderType>,
    /// Whether a human of the workspace answered.
    pub(crate) is_response: bool,
}

/// Records a new message in its locked conversation. Takes a bare connection, because it goes down it together with the
/// message; [`touched`] is the caller's to call.
pub(crate) async fn record_message(
    connection: &AsyncPgConnection,
    conversation: LockedConversation,
    marks: NewMessageMarks,
) -> QueryResult<usize> {
    // The time was taken before the lock, so a message that waited for it may be older than the newest one.
    let newest =
        (Some(marks.at), Some(marks.message)).max((conversation.last_message_at, conversation.last_message_id));
    let update = diesel::update(conversations::table.find(conversation.parties.id)).set((
        conversations::updated_at.eq(marks.at),
        conversations::last_message_at.eq(newest.0),
        conversations::last_message_id.eq(newest.1),
        (marks.unread_by == Some(ReaderType::Agent)).then(|| {
            let unread = coalesce::<Integer, _, _>(conversations::unread_by_agent, 0);
            conversations::unread_by_agent.eq((unread + 1).nullable())
        }),
        (marks.unread_by == Some(ReaderType::Visitor)).then(|| {
            let unread = coalesce::<Integer, _, _>(conversations::unread_by_visitor, 0);
            conversations::unread_by_visitor.eq((unread + 1).nullable())
        }),
        marks.is_response.then(|| {
            let first = coalesce::<Timestamptz, _, _>(conversations::first_response_at, marks.at);
            conversations::first_response_at.eq(first.nullable())
        }),
    ));
    prepared(update).execute(connection).await
}

/// Sets the status. Closing states when, opening forgets it.
pub(crate) async fn set_status(cx: &mut MutationCx, parties: Parties, status: ConversationStatus) -> Result<()> {
    touched(cx, parties);
    let now = cx.now();
    let resolved_at = match status {
        ConversationStatus::Closed => Some(Some(now)),
        ConversationStatus::Open => Some(None),
        ConversationStatus::Snoozed => None,
    };
    diesel::update(conversations::table.find(parties.id))
        .set((
            conversations::status.eq(status),
            conversations::updated_at.eq(now),
            resolved_at.map(|at| conversations::resolved_at.eq(at)),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Opens a conversation again that was closed, and leaves any other as it is. When it was closed stays known.
pub(crate) async fn reopen(cx: &mut MutationCx, parties: Parties) -> Result<()> {
    let closed = conversations::table
        .find(parties.id)
        .filter(conversations::status.eq(ConversationStatus::Closed));
    let opened = diesel::update(closed)
        .set(conversations::status.eq(ConversationStatus::Open))
        .execute(cx.connection().await?)
        .await?;
    if opened > 0 {
        touched(cx, parties);
    }
    Ok(())
}

/// Gives the conversation to a member.
pub(crate) async fn assign(cx: &mut MutationCx, parties: Parties, agent: UserId) -> Result<()> {
    touched(cx, parties);
    let now = cx.now();
    diesel::update(conversations::table.find(parties.id))
        .set((
            conversations::assigned_agent_id.eq(agent),
            conversations::updated_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Sets a counter to zero. One that is zero already stays untouched and re-runs nothing: an app marks as read each time
/// its subscription brings the conversation.
pub(crate) async fn mark_as_read(cx: &mut MutationCx, parties: Parties, reader: ReaderType) -> Result<()> {
    let connection = cx.connection().await?;
    let row = conversations::table.find(parties.id);
    let changed = match reader {
        ReaderType::Agent => {
            diesel::update(row.filter(conversations::unread_by_agent.gt(0)))
                .set(conversations::unread_by_agent.eq(0))
                .execute(connection)
                .await?
        }
        ReaderType::Visitor => {
            diesel::update(row.filter(conversations::unread_by_visitor.gt(0)))
                .set(conversations::unread_by_visitor.eq(0))
                .execute(connection)
                .await?
        }
    };
    if changed > 0 {
        touched(cx, parties);
    }
    Ok(())
}

/// Records that a conversation's row changed, for itself and for the lists that show it.
pub(crate) fn touched(cx: &mut MutationCx, parties: Parties) {
    cx.write(topics::conversation(parties.id));
    cx.write(topics::conversations_of_workspace(parties.workspace_id));
    if let Some(visitor) = parties.visitor_id {
        cx.write(topics::conversations_of_visitor(visitor));
    }
}
