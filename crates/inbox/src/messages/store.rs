//! Writes of `messages`. Messages are inserted by [`super::post`] alone.

use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use futures_util::future::try_join;
use opencom_contract::messages::{DeliveryStatus, EmailMetadata};
use opencom_core::Result;
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::messages;

use super::rows::{MessageRow, NewMessage};
use crate::conversations::queries as conversations;
use crate::conversations::rows::LockedConversation;
use crate::conversations::store::{self, NewMessageMarks};
use crate::topics;

/// Stores the first message of a conversation that was inserted with its marks.
pub(super) async fn insert_first(cx: &mut MutationCx, message: &NewMessage<'_>) -> Result<()> {
    cx.write(topics::messages_of_conversation(message.conversation_id));
    insert(cx.connection().await?, message).await?;
    Ok(())
}

/// Stores a message and records it in its locked conversation; both statements go down the connection together.
pub(super) async fn insert_and_record(
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

/// What became of the attempt to send a message, or of the mail.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = messages)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct Delivery<'a> {
    pub(crate) delivery_status: Option<DeliveryStatus>,
    pub(crate) provider_mail_id: Option<&'a str>,
    #[diesel(treat_none_as_null = true)]
    pub(crate) delivery_error: Option<&'a str>,
}

/// Writes how far a mail got.
pub(crate) async fn set_delivery(cx: &mut MutationCx, message: &MessageRow, delivery: &Delivery<'_>) -> Result<()> {
    changed(cx, message).await?;
    diesel::update(messages::table.find(message.id))
        .set(delivery)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Writes what a message says of its mail.
pub(crate) async fn set_metadata(cx: &mut MutationCx, message: &MessageRow, metadata: &EmailMetadata) -> Result<()> {
    changed(cx, message).await?;
    diesel::update(messages::table.find(message.id))
        .set(messages::email_metadata.eq(metadata))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Records that a message changed, for its thread and for the lists that show it as the newest one.
async fn changed(cx: &mut MutationCx, message: &MessageRow) -> Result<()> {
    cx.write(topics::message(message.id));
    cx.write(topics::messages_of_conversation(message.conversation_id));
    if let Some(parties) = conversations::parties(cx, message.conversation_id).await? {
        store::touched(cx, parties);
    }
    Ok(())
}
