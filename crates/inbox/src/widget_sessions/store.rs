//! Writes of `widget_sessions`.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Timestamptz};
use opencom_core::auth::token::sha256;
use opencom_core::id::{VisitorId, WidgetSessionId, WorkspaceId};
use opencom_core::{Int, Millis, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::topic::Hashed;
use opencom_schema::widget_sessions;

use super::rows::NewSession;

/// By hand, because diesel takes no sub-select on the table that it deletes from. An array, because the planner would
/// join a sub-select with all sessions.
const DELETE_EXPIRED: &str = "DELETE FROM widget_sessions WHERE id = ANY (ARRAY(
    SELECT id FROM widget_sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)) RETURNING token_hash";

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct Deleted {
    #[diesel(sql_type = Bytea)]
    token_hash: Vec<u8>,
}

/// Opens a session.
pub(super) async fn insert(cx: &mut MutationCx, session: &NewSession<'_>) -> Result<()> {
    diesel::insert_into(widget_sessions::table)
        .values(session)
        .execute(cx.connection().await?)
        .await?;
    cx.write(topics::widget_session(Hashed::stored_digest(session.token_hash)?));
    Ok(())
}

/// Turns the session of one token into that of another and says whose it is; `None` when there is none any more. In one
/// statement, so that of two that replace the same token one finds nothing, and all that a boot said of the client stays.
pub(super) async fn replace(
    cx: &mut MutationCx,
    old_token: &str,
    new_token: &str,
    expires_at: Millis,
) -> Result<Option<VisitorId>> {
    let (old, new, now) = (sha256(old_token), sha256(new_token), cx.now());
    let visitor = diesel::update(widget_sessions::table)
        .filter(widget_sessions::token_hash.eq(old.as_slice()))
        .set((
            widget_sessions::id.eq(WidgetSessionId::generate()),
            widget_sessions::token_hash.eq(new.as_slice()),
            widget_sessions::expires_at.eq(expires_at),
            widget_sessions::created_at.eq(now),
            widget_sessions::replaced_token_hash.eq(old.as_slice()),
            widget_sessions::replaced_at.eq(now),
        ))
        .returning(widget_sessions::visitor_id)
        .get_result(cx.connection().await?)
        .await
        .optional()?;
    if visitor.is_some() {
        cx.write(topics::widget_session(Hashed::digest(&old)));
        cx.write(topics::widget_session(Hashed::digest(&new)));
    }
    Ok(visitor)
}

/// Deletes the sessions of all visitors. The caller has every server drop its caches afterwards
/// ([`tell_everything`](opencom_runtime::bus::tell_everything)).
pub(super) async fn end_all(cx: &mut MutationCx) -> Result<Int> {
    let ended = diesel::delete(widget_sessions::table)
        .execute(cx.connection().await?)
        .await?;
    Ok(ended.into())
}

/// Ends a session and says whose it was.
pub(super) async fn delete(cx: &mut MutationCx, token: &str) -> Result<Option<(WorkspaceId, VisitorId)>> {
    let hash = sha256(token);
    let ended = diesel::delete(widget_sessions::table)
        .filter(widget_sessions::token_hash.eq(hash.as_slice()))
        .returning((widget_sessions::workspace_id, widget_sessions::visitor_id))
        .get_result(cx.connection().await?)
        .await
        .optional()?;
    if ended.is_some() {
        cx.write(topics::widget_session(Hashed::digest(&hash)));
    }
    Ok(ended)
}

/// Deletes up to `limit` sessions that had run out before `time`, and says how many.
pub(super) async fn delete_expired(cx: &mut MutationCx, time: Millis, limit: i64) -> Result<usize> {
    let deleted: Vec<Deleted> = diesel::sql_query(DELETE_EXPIRED)
        .bind::<Timestamptz, _>(time)
        .bind::<BigInt, _>(limit)
        .load(cx.connection().await?)
        .await?;
    for session in &deleted {
        cx.write(topics::widget_session(Hashed::stored_digest(&session.token_hash)?));
    }
    Ok(deleted.len())
}
