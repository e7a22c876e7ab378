//! Writes of `visitors` and `visitor_presence`.

use crate::topics;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable, SingleValue, Text, Timestamptz, Uuid};
use opencom_contract::limits;
use opencom_contract::visitors::Location;
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Attributes, Error, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_runtime::database::{broken_unique, overtaken};
use opencom_runtime::statement::prepared;
use opencom_runtime::topic::Hashed;
use opencom_schema::{visitor_presence, visitors};

use super::queries;
use super::rows::{Details, IdentityMark, VisitorRow};
use crate::readable_id;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The first value that is not null.
    fn coalesce(value: Nullable<Jsonb>, otherwise: Jsonb) -> Nullable<Jsonb>;

    /// The first value that is not null; nothing when neither is.
    #[sql_name = "coalesce"]
    fn first_of<T: SingleValue>(value: Nullable<T>, otherwise: Nullable<T>) -> Nullable<T>;
}

/// What is given, else what is stored, column by column. Leaving out the columns that are not given would make a
/// statement, and a plan on every connection, for each of the hundred combinations.
macro_rules! given_or_stored {
    ($details:expr) => {{
        let details = $details;
        (
            visitors::email.eq(first_of(details.email.into_sql::<Nullable<Text>>(), visitors::email)),
            visitors::name.eq(first_of(details.name.into_sql::<Nullable<Text>>(), visitors::name)),
            visitors::external_user_id.eq(first_of(
                details.external_user_id.into_sql::<Nullable<Text>>(),
                visitors::external_user_id,
            )),
            visitors::location.eq(first_of(
                details.location.into_sql::<Nullable<Jsonb>>(),
                visitors::location,
            )),
            visitors::device.eq(first_of(details.device.into_sql::<Nullable<Jsonb>>(), visitors::device)),
            visitors::referrer.eq(first_of(
                details.referrer.into_sql::<Nullable<Text>>(),
                visitors::referrer,
            )),
            visitors::current_url.eq(first_of(
                details.current_url.into_sql::<Nullable<Text>>(),
                visitors::current_url,
            )),
        )
    }};
}

/// The first heartbeat of a visitor. The visitor is locked against a merge that would take it away.
const FIRST_BEAT: &str = "INSERT INTO visitor_presence (visitor_id, workspace_id, last_seen_at)
    SELECT id, workspace_id, $2 FROM visitors WHERE id = $1 FOR KEY SHARE
    ON CONFLICT (visitor_id) DO UPDATE SET last_seen_at = excluded.last_seen_at";

/// What a boot or identify writes to a visitor.
pub(crate) struct Patch<'a> {
    pub(crate) details: Details<'a>,
    /// Laid over the stored ones.
    pub(crate) attributes: Option<&'a Attributes>,
    pub(crate) mark: IdentityMark,
}

impl Patch<'_> {
    /// # Errors
    /// `INVALID_INPUT` when the stored attributes have become too many.
    fn check(&self, row: &VisitorRow) -> Result<()> {
        match (self.attributes, &row.custom_attributes) {
            (Some(_), Some(stored)) => check_size(stored),
            _ => Ok(()),
        }
    }
}

/// Refuses custom attributes beyond the limit.
pub(crate) fn check_size(attributes: &Attributes) -> Result<()> {
    if attributes.json_size() <= limits::ATTRIBUTES_BYTES {
        return Ok(());
    }
    let text = format!(
        "customAttributes must be at most {} bytes of JSON",
        limits::ATTRIBUTES_BYTES
    );
    Err(Error::invalid("customAttributes", text))
}

/// Makes or patches the visitor of the workspace with a session id. Boots that run at once with one session id end at
/// one visitor.
pub(crate) async fn upsert_by_session(
    cx: &mut MutationCx,
    workspace: WorkspaceId,
    session_id: &str,
    patch: &Patch<'_>,
) -> Result<VisitorRow> {
    let (id, now) = (VisitorId::generate(), cx.now());
    let upsert = diesel::insert_into(visitors::table)
        .values((
            visitors::id.eq(id),
            visitors::workspace_id.eq(workspace),
            visitors::session_id.eq(session_id),
            visitors::readable_id.eq(readable_id::of_visitor(id)),
            &patch.details,
            visitors::custom_attributes.eq(patch.attributes),
            &patch.mark,
            visitors::first_seen_at.eq(now),
            visitors::last_seen_at.eq(now),
            visitors::created_at.eq(now),
        ))
        .on_conflict((visitors::workspace_id, visitors::session_id))
        .do_update()
        .set((
            given_or_stored!(patch.details),
            patch.attributes.map(overlay),
            &patch.mark,
            visitors::last_seen_at.eq(now),
        ))
        .returning(VisitorRow::as_returning());
    let row: VisitorRow = prepared(upsert).get_result(cx.connection().await?).await?;
    patch.check(&row)?;
    if row.id == id {
        cx.write(topics::visitors_of_session(Hashed::text(session_id)));
    }
    changed(cx, &row);
    with_readable_id(cx, row).await
}

/// Patches a visitor, who gets `session_id` when one is given. `None`: there is no such visitor any more.
///
/// # Errors
/// A wish to run again when another visitor got the session id meanwhile.
pub(crate) async fn update(
    cx: &mut MutationCx,
    id: VisitorId,
    session_id: Option<&str>,
    patch: &Patch<'_>,
) -> Result<Option<VisitorRow>> {
    let now = cx.now();
    let row = diesel::update(visitors::table.find(id))
        .set((
            session_id.map(|session_id| visitors::session_id.eq(session_id)),
            given_or_stored!(patch.details),
            patch.attributes.map(overlay),
            &patch.mark,
            visitors::last_seen_at.eq(now),
        ))
        .returning(VisitorRow::as_returning())
        .get_result(cx.connection().await?)
        .await
        .optional()
        .map_err(|error| match broken_unique(&error) {
            Some("visitors_workspace_session_unique") => overtaken("another boot with this session id"),
            _ => error.into(),
        })?;
    let Some(row) = row else { return Ok(None) };
    patch.check(&row)?;
    if let Some(session_id) = session_id {
        cx.write(topics::visitors_of_session(Hashed::text(session_id)));
    }
    changed(cx, &row);
    with_readable_id(cx, row).await.map(Some)
}

/// The stored attributes with `upper` laid over them.
#[diesel::dsl::auto_type(no_type_alias)]
fn overlay<'a>(upper: &'a Attributes) -> _ {
    let none: Attributes = Attributes::default();
    visitors::custom_attributes.eq(coalesce(visitors::custom_attributes, none).concat(upper))
}

/// Visitors that came by e-mail have no readable id until they show up themselves.
async fn with_readable_id(cx: &mut MutationCx, mut row: VisitorRow) -> Result<VisitorRow> {
    if row.readable_id.is_none() {
        let readable_id = readable_id::of_visitor(row.id);
        diesel::update(visitors::table.find(row.id))
            .set(visitors::readable_id.eq(&readable_id))
            .execute(cx.connection().await?)
            .await?;
        row.readable_id = Some(readable_id);
    }
    Ok(row)
}

/// Records that a visitor's row changed.
pub(super) fn changed(cx: &mut MutationCx, row: &VisitorRow) {
    cx.write(topics::visitor(row.id));
    cx.write(topics::visitors_of_workspace(row.workspace_id));
}

/// Makes those take turns who look for a visitor by its address and then write one with it.
pub(crate) async fn lock_email(cx: &mut MutationCx, workspace: WorkspaceId, email: &str) -> Result<()> {
    let key = format!("{workspace} {}", email.to_lowercase());
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(key)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// The oldest visitor of the workspace with an address, which is normalised, locked and with a readable id; made when there
/// is none.
pub(crate) async fn by_mail(cx: &mut MutationCx, workspace: WorkspaceId, email: &str) -> Result<VisitorId> {
    lock_email(cx, workspace, email).await?;
    if let Some(id) = queries::oldest_by_email(cx, workspace, email, None).await? {
        let row = VisitorRow::query()
            .find(id)
            .for_update()
            .first(cx.connection().await?)
            .await
            .optional()?
            .ok_or_else(|| overtaken("a merge of the visitor"))?;
        if row.readable_id.is_none() {
            changed(cx, &row);
            with_readable_id(cx, row).await?;
        }
        return Ok(id);
    }
    let (id, now) = (VisitorId::generate(), cx.now());
    let row: VisitorRow = diesel::insert_into(visitors::table)
        .values((
            visitors::id.eq(id),
            visitors::workspace_id.eq(workspace),
            visitors::session_id.eq(format!("email-{email}-{}", now.0)),
            visitors::readable_id.eq(readable_id::of_visitor(id)),
            visitors::email.eq(email),
            visitors::created_at.eq(now),
        ))
        .returning(VisitorRow::as_returning())
        .get_result(cx.connection().await?)
        .await?;
    cx.write(topics::visitors_of_session(Hashed::text(&row.session_id)));
    changed(cx, &row);
    Ok(id)
}

/// Replaces a visitor's location.
pub(crate) async fn set_location(cx: &mut MutationCx, row: &VisitorRow, location: &Location) -> Result<()> {
    let now = cx.now();
    diesel::update(visitors::table.find(row.id))
        .set((visitors::location.eq(location), visitors::last_seen_at.eq(now)))
        .execute(cx.connection().await?)
        .await?;
    changed(cx, row);
    Ok(())
}

/// Notes that a visitor is there; nothing when there is no such visitor.
pub(crate) async fn beat(cx: &mut MutationCx, id: VisitorId) -> Result<()> {
    let now = cx.now();
    let beat = diesel::update(visitor_presence::table.find(id)).set(visitor_presence::last_seen_at.eq(now));
    let mut beaten = prepared(beat).execute(cx.connection().await?).await?;
    if beaten == 0 {
        beaten = diesel::sql_query(FIRST_BEAT)
            .bind::<Uuid, _>(id)
            .bind::<Timestamptz, _>(now)
            .execute(cx.connection().await?)
            .await?;
    }
    if beaten > 0 {
        cx.write(topics::presence(id));
    }
    Ok(())
}
