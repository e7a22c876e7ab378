//! People to act as.

use diesel::prelude::*;
use opencom_core::auth::jwt::AgentIdentity;
use opencom_core::auth::token;
use opencom_core::id::{AuthSessionId, UserId, VisitorId, WidgetSessionId, WorkspaceId, WorkspaceMemberId};
use opencom_core::{Millis, Role};
use opencom_runtime::{Caller, RunQueryDsl, Topic, topic};
use opencom_schema::{auth_sessions, users, visitors, widget_sessions, workspace_members, workspaces};

use crate::Kit;

/// Somebody who calls.
pub trait Person {
    /// Whom the server takes them for.
    fn caller(&self) -> Caller;
}

/// Somebody without a token.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Person for Nobody {
    fn caller(&self) -> Caller {
        Caller::Anonymous
    }
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The user.
    pub user_id: UserId,
    /// Their session.
    pub session_id: AuthSessionId,
    /// Their address.
    pub email: String,
    /// When their token runs out.
    pub expires_at: Millis,
}

impl Person for Agent {
    fn caller(&self) -> Caller {
        Caller::Agent(AgentIdentity {
            user: self.user_id,
            session: self.session_id,
        })
    }
}

/// A workspace and its owner.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Who may do everything in it.
    pub owner: Agent,
}

/// A visitor with a session. Calls anonymously: the token is an argument.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The visitor.
    pub id: VisitorId,
    /// The session's token.
    pub token: String,
    /// The id that the client made.
    pub session_id: String,
}

impl Person for Visitor {
    fn caller(&self) -> Caller {
        Caller::Anonymous
    }
}

impl Kit {
    /// A workspace with an owner.
    pub async fn workspace(&self) -> Workspace {
        let id = WorkspaceId::generate();
        let now = self.clock.now();
        diesel::insert_into(workspaces::table)
            .values((
                workspaces::id.eq(id),
                workspaces::name.eq(format!("Workspace {id}")),
                workspaces::created_at.eq(now),
                workspaces::help_center_access_policy.eq("public"),
            ))
            .execute(&self.connection().await)
            .await
            .expect("a workspace");
        let owner = self.user(Some(id)).await;
        self.join(&owner, id, Role::Owner).await;
        Workspace { id, owner }
    }

    /// A member of a workspace.
    pub async fn agent(&self, workspace: &Workspace, role: Role) -> Agent {
        let agent = self.user(Some(workspace.id)).await;
        self.join(&agent, workspace.id, role).await;
        agent
    }

    /// A signed-in user who is a member of nothing yet.
    pub async fn user(&self, active: Option<WorkspaceId>) -> Agent {
        let user_id = UserId::generate();
        let session_id = AuthSessionId::generate();
        let email = format!("{user_id}@example.com");
        let now = self.clock.now();
        let connection = &mut self.connection().await;
        diesel::insert_into(users::table)
            .values((
                users::id.eq(user_id),
                users::email.eq(&email),
                users::name.eq(format!("Agent {user_id}")),
                users::workspace_id.eq(active),
                users::role.eq("admin"),
                users::created_at.eq(now),
            ))
            .execute(connection)
            .await
            .expect("a user");
        let expires_at = now.plus(30 * Millis::DAY);
        diesel::insert_into(auth_sessions::table)
            .values((
                auth_sessions::id.eq(session_id),
                auth_sessions::user_id.eq(user_id),
                auth_sessions::expires_at.eq(expires_at),
                auth_sessions::created_at.eq(now),
            ))
            .execute(connection)
            .await
            .expect("a session");
        Agent {
            user_id,
            session_id,
            email,
            expires_at,
        }
    }

    /// Makes a user a member.
    pub async fn join(&self, agent: &Agent, workspace: WorkspaceId, role: Role) {
        diesel::insert_into(workspace_members::table)
            .values((
                workspace_members::id.eq(WorkspaceMemberId::generate()),
                workspace_members::user_id.eq(agent.user_id),
                workspace_members::workspace_id.eq(workspace),
                workspace_members::role.eq(role),
                workspace_members::created_at.eq(self.clock.now()),
            ))
            .execute(&self.connection().await)
            .await
            .expect("a membership");
        self.publish_membership(agent.user_id, workspace);
    }

    /// Gives a member a list of permissions of their own.
    pub async fn set_permissions(&self, agent: &Agent, workspace: WorkspaceId, permissions: &[&str]) {
        diesel::update(workspace_members::table)
            .filter(workspace_members::user_id.eq(agent.user_id))
            .filter(workspace_members::workspace_id.eq(workspace))
            .set(workspace_members::permissions.eq(permissions))
            .execute(&self.connection().await)
            .await
            .expect("the permissions");
        self.publish_membership(agent.user_id, workspace);
    }

    fn publish_membership(&self, user: UserId, workspace: WorkspaceId) {
        // Written around the services, so told by hand.
        let members = Topic::new("admin.members_of_workspace", workspace);
        self.server.topics.publish(&[topic::memberships_of_user(user), members]);
    }

    /// A visitor with a session, as a boot leaves them.
    pub async fn visitor(&self, workspace: &Workspace) -> Visitor {
        let (id, now) = (VisitorId::generate(), self.clock.now());
        let session_id = format!("session_{}", VisitorId::generate());
        let token = token::visitor_session_token().expect("a token");
        let connection = &mut self.connection().await;
        diesel::insert_into(visitors::table)
            .values((
                visitors::id.eq(id),
                visitors::workspace_id.eq(workspace.id),
                visitors::session_id.eq(&session_id),
                visitors::readable_id.eq(format!("Visitor {id}")),
                visitors::created_at.eq(now),
                visitors::first_seen_at.eq(now),
                visitors::last_seen_at.eq(now),
            ))
            .execute(connection)
            .await
            .expect("a visitor");
        diesel::insert_into(widget_sessions::table)
            .values((
                widget_sessions::id.eq(WidgetSessionId::generate()),
                widget_sessions::workspace_id.eq(workspace.id),
                widget_sessions::visitor_id.eq(id),
                widget_sessions::token_hash.eq(token::sha256(&token).to_vec()),
                widget_sessions::identity_verified.eq(false),
                widget_sessions::expires_at.eq(now.plus(Millis::DAY)),
                widget_sessions::created_at.eq(now),
            ))
            .execute(connection)
            .await
            .expect("a session");
        Visitor { id, token, session_id }
    }
}
