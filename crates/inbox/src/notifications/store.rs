//! Writes of `mailed_messages`.

use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use opencom_core::Result;
use opencom_core::id::MessageId;
use opencom_runtime::{MutationCx, RunQueryDsl};
use opencom_schema::{mailed_messages, messages};

/// Marks a message as announced by mail. Returns false if it was marked already or is gone. No query reads the table, so no
/// topic is written.
pub(super) async fn mark_as_mailed(cx: &mut MutationCx, message: MessageId) -> Result<bool> {
    let now = cx.now();
    let row =
        messages::table
            .find(message)
            .select((messages::id, messages::workspace_id, now.into_sql::<Timestamptz>()));
    let marked = diesel::insert_into(mailed_messages::table)
        .values(row)
        .into_columns((
            mailed_messages::message_id,
            mailed_messages::workspace_id,
            mailed_messages::created_at,
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(marked == 1)
}
