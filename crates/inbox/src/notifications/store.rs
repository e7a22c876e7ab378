//! Writes of `mailed_messages`.

use diesel::prelude::*;
use opencom_core::Result;
use opencom_core::id::MessageId;
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::mailed_messages;

/// Marks a message as told of by mail; whether it was not before. No query reads this, so no topic is told.
pub(super) async fn mark_as_mailed(cx: &mut MutationCx, message: MessageId) -> Result<bool> {
    let now = cx.now();
    let marked = diesel::insert_into(mailed_messages::table)
        .values((
            mailed_messages::message_id.eq(message),
            mailed_messages::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(marked == 1)
}
