//! Who may make whom what.

use opencom_contract::workspace_members::GivenRole;
use opencom_core::{Code, Error, Permission, Result, Role};

use super::rows::MemberRow;

const OWNER_STAYS: &str = "Cannot change owner role. Use ownership transfer instead.";

/// Whether somebody may make others what they are to be.
pub(super) fn may_make(manager: &MemberRow, role: GivenRole) -> Result<()> {
    if role == GivenRole::Admin && !manager.leads() {
        let text = "Only owners and admins can promote users to admin";
        return Err(Error::not_authorized(text));
    }
    Ok(())
}

/// Whether a member may get another role, in a workspace with so many owners and admins.
pub(super) fn may_change_role(manager: &MemberRow, target: &MemberRow, role: GivenRole, leaders: i64) -> Result<()> {
    if target.role == Role::Owner {
        return Err(Error::invalid("membershipId", OWNER_STAYS));
    }
    may_make(manager, role)?;
    let himself = manager.user_id == target.user_id;
    if himself
        && Role::from(role)
            .permissions()
            .any(|permission| !manager.allows(permission))
    {
        return Err(Error::not_authorized("You cannot raise your own role"));
    }
    if target.leads() && role != GivenRole::Admin && leaders < 2 {
        let text = "Cannot demote: workspace must have at least one admin";
        return Err(Error::invalid("membershipId", text));
    }
    Ok(())
}

/// Whether a member may get these permissions: those that they have, and those that whoever gives them has.
pub(super) fn may_give(manager: &MemberRow, target: &MemberRow, permissions: &[Permission]) -> Result<()> {
    if target.role == Role::Owner {
        return Err(Error::invalid("membershipId", OWNER_STAYS));
    }
    // An empty list gives what the role has.
    let given = |permission: &Permission| match permissions {
        [] => target.role.allows(*permission),
        some => some.contains(permission),
    };
    let foreign = (Permission::ALL.iter())
        .filter(|permission| given(permission))
        .find(|permission| !manager.allows(**permission) && !target.allows(**permission));
    match foreign {
        None => Ok(()),
        Some(permission) => Err(Error::not_authorized(format!(
            "You cannot give a permission that you do not have: {permission}"
        ))),
    }
}

/// Whether a member may go, from a workspace with so many owners and admins.
pub(super) fn may_remove(target: &MemberRow, leaders: i64) -> Result<()> {
    if target.role == Role::Owner {
        let text = "Cannot remove workspace owner. Transfer ownership first.";
        return Err(Error::invalid("membershipId", text));
    }
    if target.leads() && leaders < 2 {
        let text = "Cannot remove: workspace must have at least one admin";
        return Err(Error::invalid("membershipId", text));
    }
    Ok(())
}

/// Ownership goes to members alone.
pub(super) fn no_member() -> Error {
    Error::new(Code::NotFound, "New owner must be an existing workspace member")
}

#[cfg(test)]
mod tests {
    use opencom_core::Millis;
    use opencom_core::id::{UserId, WorkspaceId, WorkspaceMemberId};

    use super::*;

    fn member(role: Role, permissions: &[Permission]) -> MemberRow {
        MemberRow {
            id: WorkspaceMemberId::generate(),
            user_id: UserId::generate(),
            workspace_id: WorkspaceId::generate(),
            role,
            permissions: permissions.iter().map(ToString::to_string).collect(),
            created_at: Millis(0),
        }
    }

    fn said(outcome: Result<()>) -> String {
        outcome.map_or_else(|error| error.message().to_owned(), |()| String::new())
    }

    #[test]
    fn admins_are_made_by_owners_and_admins() {
        let clerk = member(Role::Agent, &[Permission::UsersManage]);
        let target = member(Role::Agent, &[]);
        let text = "Only owners and admins can promote users to admin";
        assert_eq!(said(may_change_role(&clerk, &target, GivenRole::Admin, 2)), text);
        assert_eq!(said(may_change_role(&clerk, &target, GivenRole::Viewer, 2)), "");
        let admin = member(Role::Admin, &[]);
        assert_eq!(said(may_change_role(&admin, &target, GivenRole::Admin, 2)), "");
    }

    #[test]
    fn nobody_raises_himself() {
        let text = "You cannot raise your own role";
        let viewer = member(Role::Viewer, &[Permission::UsersManage]);
        assert_eq!(said(may_change_role(&viewer, &viewer, GivenRole::Agent, 2)), text);
        assert_eq!(said(may_change_role(&viewer, &viewer, GivenRole::Viewer, 2)), text);
        // An admin with a short list is no whole admin.
        let bound = member(Role::Admin, &[Permission::UsersManage]);
        assert_eq!(said(may_change_role(&bound, &bound, GivenRole::Admin, 2)), text);
        let admin = member(Role::Admin, &[]);
        assert_eq!(said(may_change_role(&admin, &admin, GivenRole::Agent, 2)), "");
        let text = "You cannot give a permission that you do not have: data.delete";
        assert_eq!(said(may_give(&viewer, &viewer, &[Permission::DataDelete])), text);
        assert_eq!(said(may_give(&viewer, &viewer, &[Permission::UsersManage])), "");
        let text = "You cannot give a permission that you do not have: conversations.read";
        assert_eq!(said(may_give(&viewer, &viewer, &[])), text);
        assert_eq!(said(may_give(&admin, &viewer, &[Permission::SettingsBilling])), {
            "You cannot give a permission that you do not have: settings.billing"
        });
    }

    #[test]
    fn owners_and_the_last_admin_stay() {
        let (owner, admin) = (member(Role::Owner, &[]), member(Role::Admin, &[]));
        assert_eq!(said(may_change_role(&admin, &owner, GivenRole::Admin, 2)), OWNER_STAYS);
        assert_eq!(said(may_give(&admin, &owner, &[])), OWNER_STAYS);
        assert_eq!(
            said(may_remove(&owner, 2)),
            "Cannot remove workspace owner. Transfer ownership first."
        );
        assert_eq!(said(may_remove(&admin, 2)), "");
        assert_eq!(
            said(may_remove(&admin, 1)),
            "Cannot remove: workspace must have at least one admin"
        );
        assert_eq!(
            said(may_change_role(&admin, &admin, GivenRole::Agent, 1)),
            "Cannot demote: workspace must have at least one admin"
        );
    }
}
