//! Users: the rows that sign-in, sign-up and workspaces share.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::auth::LegacyRole;
use opencom_core::error::OrNotFound;
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::{Millis, Result, Role};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{users, workspace_members, workspaces};

use crate::workspaces::rows::WorkspaceRow;

#[derive(Insertable)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
struct NewUser<'a> {
    id: UserId,
    email: &'a str,
    name: Option<&'a str>,
    role: LegacyRole,
    created_at: Millis,
}

/// The user with this address, which is normalised.
pub(crate) async fn by_email(cx: &mut QueryCx, email: &str) -> Result<Option<UserId>> {
    let id = users::table
        .filter(users::email.eq(email))
        .select(users::id)
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(id)
}

/// A new user without a workspace; `None` when somebody has the address.
pub(crate) async fn insert(cx: &mut MutationCx, email: &str, name: Option<&str>) -> Result<Option<UserId>> {
    let row = NewUser {
        id: UserId::generate(),
        email,
        name,
        role: LegacyRole::Admin,
        created_at: cx.now(),
    };
    let id = row.id;
    cx.write(topics::user(id));
    let inserted = diesel::insert_into(users::table)
        .values(row)
        .on_conflict(users::email)
        .do_nothing()
        .execute(cx.connection().await?)
        .await?;
    Ok((inserted > 0).then_some(id))
}

/// Locks a user until the end of the transaction and gives their active workspace.
pub(crate) async fn lock(cx: &mut MutationCx, id: UserId) -> Result<Option<WorkspaceId>> {
    users::table
        .find(id)
        .select(users::workspace_id)
        .for_no_key_update()
        .first(cx.connection().await?)
        .await
        .optional()?
        .or_not_found("User")
}

/// The active workspace and the user's role there; `None` when they are no member of it.
pub(crate) async fn active_workspace(
    cx: &mut QueryCx,
    id: UserId,
    active: Option<WorkspaceId>,
) -> Result<Option<(WorkspaceRow, Role)>> {
    let Some(active) = active else { return Ok(None) };
    cx.read(topics::workspace(active));
    cx.read(topics::memberships_of_user(id));
    let found = workspaces::table
        .inner_join(workspace_members::table.on(workspace_members::workspace_id.eq(workspaces::id)))
        .filter(workspaces::id.eq(active))
        .filter(workspace_members::user_id.eq(id))
        .select((WorkspaceRow::as_select(), workspace_members::role))
        .first(cx.connection().await?)
        .await
        .optional()?;
    Ok(found)
}

/// Makes a workspace the user's active one.
pub(crate) async fn activate(cx: &mut MutationCx, id: UserId, workspace: WorkspaceId) -> Result<()> {
    cx.write(topics::user(id));
    diesel::update(users::table.find(id))
        .set(users::workspace_id.eq(workspace))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Gives the user a name, if they have none. Tells whether they took it.
pub(crate) async fn name_if_unnamed(cx: &mut MutationCx, id: UserId, name: &str) -> Result<bool> {
    cx.write(topics::user(id));
    let unnamed = users::name.is_null().or(users::name.eq(""));
    let named = diesel::update(users::table.find(id).filter(unnamed))
        .set(users::name.eq(name))
        .execute(cx.connection().await?)
        .await?;
    Ok(named > 0)
}
