//! Reads of `messages`.

use crate::topics;
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use futures_util::future::try_join;
use opencom_core::id::{ConversationId, MessageId};
use opencom_core::{Millis, Result};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::statement::literal_limit;
use opencom_schema::{messages, users};

use super::rows::{MessageRow, SignedMessage};
use crate::conversations::rows::Parties;

/// A place in a thread: everything before this moment and id.
pub(crate) type Position = (Millis, MessageId);

/// The newest messages of a conversation, newest first, with the users who sent them.
pub(crate) async fn thread(
    cx: &mut QueryCx,
    conversation: ConversationId,
    before: Option<Position>,
    limit: i64,
) -> Result<Vec<SignedMessage>> {
    let rows = load_thread(cx.connection().await?, conversation, before, limit).await?;
    Ok(read_thread(cx, conversation, rows))
}

/// Whose a conversation is, and its newest messages: both statements go down the connection together, so the caller
/// checks access after the fact and drops the messages if there is none.
pub(crate) async fn parties_and_thread(
    cx: &mut QueryCx,
    conversation: ConversationId,
    before: Option<Position>,
    limit: i64,
) -> Result<(Option<Parties>, Vec<SignedMessage>)> {
    let connection: &AsyncPgConnection = cx.connection().await?;
    let parties = async { Parties::query().find(conversation).first(connection).await.optional() };
    let (parties, rows) = try_join(parties, load_thread(connection, conversation, before, limit)).await?;
    Ok((parties, read_thread(cx, conversation, rows)))
}

type ThreadRow = (MessageRow, Option<String>, Option<String>);

async fn load_thread(
    connection: &AsyncPgConnection,
    conversation: ConversationId,
    before: Option<Position>,
    limit: i64,
) -> QueryResult<Vec<ThreadRow>> {
    let mut query = messages::table
        .left_join(users::table.on(messages::sender_user_id.eq(users::id.nullable())))
        .select((MessageRow::as_select(), users::name.nullable(), users::email.nullable()))
        .filter(messages::conversation_id.eq(conversation))
        .order((messages::created_at.desc(), messages::id.desc()))
        .into_boxed();
    if let Some((at, id)) = before {
        // In this form the first condition bounds the index scan.
        query = query
            .filter(messages::created_at.le(at))
            .filter(messages::created_at.lt(at).or(messages::id.lt(id)));
    }
    literal_limit(query, limit).load(connection).await
}

/// Records what a thread rests on.
fn read_thread(cx: &mut QueryCx, conversation: ConversationId, rows: Vec<ThreadRow>) -> Vec<SignedMessage> {
    cx.read(topics::messages_of_conversation(conversation));
    for (message, _, _) in &rows {
        if let Some(user) = message.sender_user_id {
            cx.read(topics::user(user));
        }
    }
    rows.into_iter()
        .map(|(message, name, email)| SignedMessage { message, name, email })
        .collect()
}

/// Where a message stands in the thread of its conversation.
pub(crate) async fn position(
    cx: &mut QueryCx,
    id: MessageId,
    conversation: ConversationId,
) -> Result<Option<Position>> {
    cx.read(topics::messages_of_conversation(conversation));
    let position = messages::table
        .find(id)
        .filter(messages::conversation_id.eq(conversation))
        .select((messages::created_at, messages::id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(position)
}
