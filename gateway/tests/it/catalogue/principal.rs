//! Everybody who may call a function, as far as access goes.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::auth::token;
use opencom_core::{Permission, Role};
use opencom_schema::{auth_sessions, widget_sessions};
use opencom_testkit::Agent;

use crate::catalogue::world::{Asker, World};

/// Everybody who may come along. Those from [`Principal::NoToken`] on come as visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Principal {
    /// No token at all.
    Nobody,
    /// An owner whose session was revoked.
    SignedOut,
    /// An owner whose session ran out.
    Expired,
    /// An owner without an active workspace: a user, but no agent.
    Incomplete,
    /// The owner of another workspace.
    Outsider,
    Viewer,
    Agent,
    Admin,
    Owner,
    /// An owner with a list of permissions of their own that has all but the one that is asked for.
    Lacking,
    /// A viewer with a list that has only the one.
    Only,
    /// An empty session token.
    NoToken,
    /// A token that was never given out.
    UnknownToken,
    /// The visitor concerned.
    Visitor,
    /// Another visitor of the workspace.
    OtherVisitor,
    /// The visitor concerned, with a session that ran out.
    ExpiredVisitor,
    /// A visitor of another workspace.
    ForeignVisitor,
}

impl Principal {
    pub(crate) const ALL: [Self; 17] = [
        Self::Nobody,
        Self::SignedOut,
        Self::Expired,
        Self::Incomplete,
        Self::Outsider,
        Self::Viewer,
        Self::Agent,
        Self::Admin,
        Self::Owner,
        Self::Lacking,
        Self::Only,
        Self::NoToken,
        Self::UnknownToken,
        Self::Visitor,
        Self::OtherVisitor,
        Self::ExpiredVisitor,
        Self::ForeignVisitor,
    ];

    pub(crate) fn comes_as_visitor(self) -> bool {
        self >= Self::NoToken
    }

    pub(crate) fn is_signed_in(self) -> bool {
        (Self::Incomplete..=Self::Only).contains(&self)
    }

    pub(crate) fn is_agent(self) -> bool {
        (Self::Outsider..=Self::Only).contains(&self)
    }

    /// Whether a member has a permission.
    pub(crate) fn has(self, permission: Permission) -> bool {
        match self {
            Self::Viewer => Role::Viewer.allows(permission),
            Self::Agent => Role::Agent.allows(permission),
            Self::Admin => Role::Admin.allows(permission),
            Self::Owner | Self::Only => true,
            _ => false,
        }
    }

    /// The caller, made for the occasion.
    pub(crate) async fn come(self, world: &World<'_>, permission: Option<Permission>) -> Asker {
        let (kit, ws) = (world.kit, &world.ws);
        match self {
            Self::Nobody => Asker::NOBODY,
            Self::SignedOut => {
                let owner = kit.agent(ws, Role::Owner).await;
                diesel::delete(auth_sessions::table.find(owner.session_id))
                    .execute(&mut kit.connection().await)
                    .await
                    .unwrap();
                Asker::from(&owner)
            }
            Self::Expired => {
                let owner = kit.agent(ws, Role::Owner).await;
                diesel::update(auth_sessions::table.find(owner.session_id))
                    .set(auth_sessions::expires_at.eq(kit.clock.now()))
                    .execute(&mut kit.connection().await)
                    .await
                    .unwrap();
                Asker::from(&owner)
            }
            Self::Incomplete => {
                let user = kit.user(None).await;
                kit.join(&user, ws.id, Role::Owner).await;
                Asker::from(&user)
            }
            Self::Outsider => Asker::from(&world.other.owner),
            Self::Viewer => Asker::from(&kit.agent(ws, Role::Viewer).await),
            Self::Agent => Asker::from(&kit.agent(ws, Role::Agent).await),
            Self::Admin => Asker::from(&kit.agent(ws, Role::Admin).await),
            Self::Owner => Asker::from(&kit.agent(ws, Role::Owner).await),
            Self::Lacking => {
                let owner = kit.agent(ws, Role::Owner).await;
                let others = Permission::ALL.iter().filter(|other| Some(**other) != permission);
                restrict(world, &owner, others).await;
                Asker::from(&owner)
            }
            Self::Only => {
                let viewer = kit.agent(ws, Role::Viewer).await;
                restrict(world, &viewer, permission.iter()).await;
                Asker::from(&viewer)
            }
            Self::NoToken => Asker::with_token(""),
            Self::UnknownToken => Asker::with_token(&format!("wst_{}", "0".repeat(64))),
            Self::Visitor => Asker::with_token(&world.session().await),
            Self::OtherVisitor => Asker::from(&world.second),
            Self::ExpiredVisitor => {
                let session = world.session().await;
                diesel::update(widget_sessions::table)
                    .filter(widget_sessions::token_hash.eq(token::sha256(&session).as_slice()))
                    .set(widget_sessions::expires_at.eq(kit.clock.now().plus(-1)))
                    .execute(&mut kit.connection().await)
                    .await
                    .unwrap();
                Asker::with_token(&session)
            }
            Self::ForeignVisitor => Asker::from(&world.foreign),
        }
    }
}

async fn restrict(world: &World<'_>, member: &Agent, permissions: impl Iterator<Item = &Permission>) {
    let list: Vec<_> = permissions.map(|permission| permission.as_str()).collect();
    world.kit.set_permissions(member, world.ws.id, &list).await;
}
