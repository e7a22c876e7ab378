//! Writes of `email_configs`, `email_threads`, `inbound_emails` and `early_mail_reports`.

use crate::topics;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use opencom_contract::email_channel::UpsertEmailConfig;
use opencom_core::id::{ConversationId, EmailConfigId, InboundEmailId, MessageId, WorkspaceId};
use opencom_core::{Millis, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::database::{broken_unique, overtaken};
use opencom_schema::{early_mail_reports, email_configs, email_threads, inbound_emails};

use super::rows::{NewInbound, NewThread};

/// By hand, because diesel takes no sub-select on the table that it deletes from.
const DROP_EARLY_REPORTS: &str = "DELETE FROM early_mail_reports WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM early_mail_reports WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
))";

/// Changes how a workspace takes mail; `None` when that was never set.
pub(crate) async fn update_config(cx: &mut MutationCx, req: &UpsertEmailConfig) -> Result<Option<EmailConfigId>> {
    cx.write(topics::email_config(req.workspace_id));
    let now = cx.now();
    let id = diesel::update(email_configs::table.filter(email_configs::workspace_id.eq(req.workspace_id)))
        .set((
            email_configs::from_name.eq(&req.from_name),
            email_configs::from_email.eq(&req.from_email),
            email_configs::signature.eq(&req.signature),
            email_configs::enabled.eq(req.enabled),
            email_configs::updated_at.eq(now),
        ))
        .returning(email_configs::id)
        .get_result(cx.connection().await?)
        .await
        .optional()?;
    Ok(id)
}

/// Sets how a workspace takes mail, under this address; `None` when the address is another's.
///
/// # Errors
/// A wish to run again when somebody else set it meanwhile.
pub(crate) async fn insert_config(
    cx: &mut MutationCx,
    req: &UpsertEmailConfig,
    forwarding_address: &str,
) -> Result<Option<EmailConfigId>> {
    let (id, now) = (EmailConfigId::generate(), cx.now());
    let inserted = diesel::insert_into(email_configs::table)
        .values((
            email_configs::id.eq(id),
            email_configs::workspace_id.eq(req.workspace_id),
            email_configs::forwarding_address.eq(forwarding_address),
            email_configs::from_name.eq(&req.from_name),
            email_configs::from_email.eq(&req.from_email),
            email_configs::signature.eq(&req.signature),
            email_configs::enabled.eq(req.enabled),
            email_configs::created_at.eq(now),
            email_configs::updated_at.eq(now),
        ))
        .on_conflict(email_configs::forwarding_address)
        .do_nothing()
        .execute(cx.connection().await?)
        .await
        .map_err(|error: DieselError| match broken_unique(&error) {
            Some("email_configs_workspace_unique") => overtaken("somebody who set up mail"),
            _ => error.into(),
        })?;
    Ok((inserted == 1).then_some(id))
}

/// Notes a mail that was received or is sent.
pub(crate) async fn insert_thread(cx: &mut MutationCx, thread: &NewThread<'_>) -> Result<()> {
    diesel::insert_into(email_threads::table)
        .values(thread)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Notes a mail that is taken in; whether it was not before. Of two that bring it at once, the second waits for the first.
pub(crate) async fn insert_inbound(cx: &mut MutationCx, mail: &NewInbound<'_>) -> Result<bool> {
    let inserted = diesel::insert_into(inbound_emails::table)
        .values(mail)
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(inserted == 1)
}

/// Notes which message a mail became.
pub(crate) async fn set_message(
    cx: &mut MutationCx,
    mail: InboundEmailId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<()> {
    diesel::update(inbound_emails::table.find(mail))
        .set((
            inbound_emails::conversation_id.eq(conversation),
            inbound_emails::stored_message_id.eq(message),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Makes those take turns who write what they know of the mail that its provider calls so.
pub(crate) async fn lock_provider_mail(cx: &mut MutationCx, id: &str) -> Result<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(format!("mail {id}"))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Keeps a report of a mail that no message names, once.
pub(crate) async fn keep_early_report(cx: &mut MutationCx, id: &str, kind: &str) -> Result<()> {
    let now = cx.now();
    diesel::insert_into(early_mail_reports::table)
        .values((
            early_mail_reports::provider_mail_id.eq(id),
            early_mail_reports::kind.eq(kind),
            early_mail_reports::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Takes the kinds of the reports that were kept of a mail.
pub(crate) async fn take_early_reports(cx: &mut MutationCx, id: &str) -> Result<Vec<String>> {
    Ok(
        diesel::delete(early_mail_reports::table.filter(early_mail_reports::provider_mail_id.eq(id)))
            .returning(early_mail_reports::kind)
            .load(cx.connection().await?)
            .await?,
    )
}

/// Deletes up to `limit` reports from before `time`, and says how many.
pub(crate) async fn drop_early_reports(cx: &mut MutationCx, time: Millis, limit: i64) -> Result<usize> {
    Ok(diesel::sql_query(DROP_EARLY_REPORTS)
        .bind::<Timestamptz, _>(time)
        .bind::<BigInt, _>(limit)
        .execute(cx.connection().await?)
        .await?)
}

/// The workspace's address with as much of the workspace's id as it takes to be the only one.
pub(crate) fn forwarding_address(workspace: WorkspaceId, digits: usize, domain: &str) -> String {
    let id = workspace.to_string();
    let start = id.len().saturating_sub(digits);
    format!("inbox-{}@{domain}", &id[start..])
}
