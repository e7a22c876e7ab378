//! Roles and permissions of a workspace's members.

crate::text_enum! {
    /// What a member is in a workspace.
    pub enum Role {
        /// May do everything; exactly one way in: creating the workspace or being handed it.
        Owner = "owner",
        /// May do everything but billing.
        Admin = "admin",
        /// Works with conversations.
        Agent = "agent",
        /// Reads.
        Viewer = "viewer",
    }
}

crate::text_enum! {
    /// One thing that a member may be allowed to do. The order is the one in which a role's list is written.
    pub enum Permission {
        /// Read conversations, messages and reports.
        ConversationsRead = "conversations.read",
        /// Answer and open conversations.
        ConversationsReply = "conversations.reply",
        /// Assign conversations.
        ConversationsAssign = "conversations.assign",
        /// Open, close and snooze conversations.
        ConversationsClose = "conversations.close",
        /// Delete conversations.
        ConversationsDelete = "conversations.delete",
        /// See members and visitors.
        UsersRead = "users.read",
        /// Invite and add members.
        UsersInvite = "users.invite",
        /// Change roles and cancel invitations.
        UsersManage = "users.manage",
        /// Remove members.
        UsersRemove = "users.remove",
        /// Read articles.
        ArticlesRead = "articles.read",
        /// Write articles.
        ArticlesCreate = "articles.create",
        /// Publish articles.
        ArticlesPublish = "articles.publish",
        /// Delete articles.
        ArticlesDelete = "articles.delete",
        /// Manage snippets.
        SnippetsManage = "snippets.manage",
        /// Manage tours.
        ToursManage = "tours.manage",
        /// Manage checklists.
        ChecklistsManage = "checklists.manage",
        /// Change the workspace's settings.
        SettingsWorkspace = "settings.workspace",
        /// Change the workspace's security settings.
        SettingsSecurity = "settings.security",
        /// Manage integrations.
        SettingsIntegrations = "settings.integrations",
        /// Manage billing.
        SettingsBilling = "settings.billing",
        /// Export data.
        DataExport = "data.export",
        /// Delete data.
        DataDelete = "data.delete",
        /// Read the audit log.
        AuditRead = "audit.read",
    }
}

impl Role {
    /// Whether the role allows `permission` to a member without a list of their own.
    pub fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Admin => permission != P::SettingsBilling,
            Self::Agent => matches!(
                permission,
                P::ConversationsRead
                    | P::ConversationsReply
                    | P::ConversationsAssign
                    | P::ConversationsClose
                    | P::UsersRead
                    | P::ArticlesRead
                    | P::SnippetsManage
                    | P::ChecklistsManage
            ),
            Self::Viewer => {
                matches!(
                    permission,
                    P::ConversationsRead | P::UsersRead | P::ArticlesRead | P::AuditRead
                )
            }
        }
    }

    /// The role's permissions, in the order of the table.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |&permission| self.allows(permission))
    }
}

/// Whether a member may do something: a list of their own that is not empty decides alone, otherwise the role does.
/// Unknown texts in the list are kept and mean nothing.
pub fn allows(role: Role, own: &[String], permission: Permission) -> bool {
    if own.is_empty() {
        role.allows(permission)
    } else {
        own.iter().any(|text| text == permission.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_as_many_permissions_as_the_contract_counts() {
        let count = |role: Role| role.permissions().count();
        assert_eq!(Permission::ALL.len(), 23);
        assert_eq!(
            [Role::Owner, Role::Admin, Role::Agent, Role::Viewer].map(count),
            [23, 22, 8, 4]
        );
    }

    #[test]
    fn a_list_of_ones_own_replaces_the_role() {
        let own = ["audit.read".to_owned(), "unknown".to_owned()];
        assert!(allows(Role::Agent, &own, Permission::AuditRead));
        assert!(!allows(Role::Owner, &own, Permission::ConversationsRead));
        assert!(allows(Role::Owner, &[], Permission::ConversationsRead));
    }
}
