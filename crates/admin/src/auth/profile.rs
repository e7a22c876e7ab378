//! The signed-in user: who they are, where they work, and the details that a sign-up by code leaves open.

use opencom_contract::auth::{
    CompleteSignupProfile, CompletedProfile, LegacyRole, Me, MyUser, MyWorkspace, SwitchedUser, SwitchedWorkspace,
};
use opencom_core::error::OrNotFound;
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::{Code, Error, Result, Role, email};
use opencom_runtime::access::User;
use opencom_runtime::{MutationCx, QueryCx};

use super::{given, signup};
use crate::users;
use crate::workspaces::{queries, store};

pub(super) async fn me(cx: &mut QueryCx) -> Result<Option<Me>> {
    let Some(user) = cx.user().await? else { return Ok(None) };
    let workspaces = workspaces_of(cx, user.id).await?;
    let User {
        id,
        email,
        name,
        avatar_url,
        workspace_id,
        role,
    } = (*user).clone();
    let role = role.as_deref().and_then(LegacyRole::from_text);
    Ok(Some(Me {
        user: MyUser {
            id,
            email,
            name,
            workspace_id,
            role,
            avatar_url,
        },
        workspaces,
    }))
}

pub(super) async fn my_workspaces(cx: &mut QueryCx) -> Result<Vec<MyWorkspace>> {
    match cx.user().await? {
        Some(user) => workspaces_of(cx, user.id).await,
        None => Ok(Vec::new()),
    }
}

/// A user's workspaces with the role there, in the order in which they joined.
pub(crate) async fn workspaces_of(cx: &mut QueryCx, user: UserId) -> Result<Vec<MyWorkspace>> {
    let rows = queries::of_member(cx, user).await?;
    let key = &cx.server().master_key;
    rows.into_iter()
        .map(|(row, role)| {
            Ok(MyWorkspace {
                workspace: row.for_member(role, key)?,
                role,
            })
        })
        .collect()
}

pub(super) async fn switch(cx: &mut MutationCx, workspace: WorkspaceId) -> Result<SwitchedWorkspace> {
    let user = cx.user().await?.ok_or_else(Error::not_authenticated)?;
    let membership = cx
        .membership(user.id, workspace)
        .await?
        .ok_or_else(|| Error::new(Code::NotWorkspaceMember, "You are not a member of this workspace"))?;
    users::activate(cx, user.id, workspace).await?;
    let User {
        id,
        email,
        name,
        avatar_url,
        ..
    } = (*user).clone();
    let user = SwitchedUser {
        id,
        email,
        name,
        workspace_id: workspace,
        role: membership.role,
        avatar_url,
    };
    Ok(SwitchedWorkspace { user })
}

pub(super) async fn complete(cx: &mut MutationCx, req: CompleteSignupProfile) -> Result<CompletedProfile> {
    let user = cx.user().await?.ok_or_else(Error::not_authenticated)?;
    let address = user
        .email
        .as_deref()
        .filter(|email| !email.is_empty())
        .or_not_found("User")?;
    let workspace = user.workspace_id.or_not_found("User")?;
    let name = given(req.name.as_deref());
    let user_name_updated = match name {
        Some(name) => users::name_if_unnamed(cx, user.id, name).await?,
        None => false,
    };
    let person = given(user.name.as_deref()).or(name);
    let workspace_name_updated = match given(req.workspace_name.as_deref()) {
        Some(wanted) => rename_newborn(cx, user.id, workspace, &born_names(address, person), wanted).await?,
        None => false,
    };
    Ok(CompletedProfile {
        success: true,
        user_name_updated,
        workspace_name_updated,
    })
}

/// Renames a workspace for its owner or admin while it has the name that it was born with.
async fn rename_newborn(
    cx: &mut MutationCx,
    user: UserId,
    workspace: WorkspaceId,
    born: &[String],
    wanted: &str,
) -> Result<bool> {
    let membership = cx.membership(user, workspace).await?;
    if !membership.is_some_and(|membership| matches!(membership.role, Role::Owner | Role::Admin)) {
        return Ok(false);
    }
    let Some(current) = store::lock_name(cx, workspace).await? else {
        return Ok(false);
    };
    let renamed = is_newborn(&current, born) && current.trim() != wanted;
    if renamed {
        store::rename(cx, workspace, wanted).await?;
    }
    Ok(renamed)
}

/// The names that a sign-up gives to the first workspace of this person.
fn born_names(address: &str, person: Option<&str>) -> Vec<String> {
    [Some(email::local_part(address)), person]
        .into_iter()
        .flatten()
        .map(signup::workspace_of)
        .collect()
}

fn is_newborn(current: &str, born: &[String]) -> bool {
    let current = current.trim();
    current.is_empty() || born.iter().any(|name| name == current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_renamed_only_while_it_has_the_name_of_its_birth() {
        let born = born_names("ada@example.com", Some("Ada Lovelace"));
        for (current, newborn) in [
            ("ada's Workspace", true),
            (" Ada Lovelace's Workspace ", true),
            ("  ", true),
            ("Ada's Workspace", false),
            ("Engines", false),
        ] {
            assert_eq!(is_newborn(current, &born), newborn, "{current:?}");
        }
        assert_eq!(born_names("ada@example.com", None), ["ada's Workspace"]);
    }
}
