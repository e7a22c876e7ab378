//! Writes of `messages`.

use crate::topics;
use diesel_async::AsyncPgConnection;
use futures_util::future::try_join;
use opencom_core::Result;
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::messages;

use super::rows::NewMessage;
use crate::conversations::rows::LockedConversation;
use crate::conversations::store::{self, NewMessageMarks};

/// Stores the first message of a conversation that was inserted with its marks.
pub(crate) async fn insert_first(cx: &mut MutationCx, message: &NewMessage<'_>) -> Result<()> {
    cx.write(topics::messages_of_conversation(message.conversation_id));
    insert(cx.connection().await?, message).await?;
    Ok(())
}

/// Stores a message and records it in its locked conversation; both statements go down the connection together.
pub(crate) async fn insert_and_record(
    cx: &mut MutationCx,
    message: &NewMessage<'_>,
    conversation: LockedConversation,
    marks: NewMessageMarks,
) -> Result<()> {
    cx.write(topics::messages_of_conversation(message.conversation_id));
    store::touched(cx, conversation.parties);
    let connection: &AsyncPgConnection = cx.connection().await?;
    try_join(
        insert(connection, message),
        store::record_message(connection, conversation, marks),
    )
    .await?;
    Ok(())
}

async fn insert(connection: &AsyncPgConnection, message: &NewMessage<'_>) -> diesel::QueryResult<usize> {
    diesel::insert_into(messages::table)
        .values(message)
        .execute(connection)
        .await
}
