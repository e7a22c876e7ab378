//! Invitations: how somebody is asked to join, and how they answer.

use crate::limits;
use opencom_contract::audit_logs::InternalRecord;
use opencom_contract::done::Done;
use opencom_contract::workspace_members::{InvitationStatus, InviteToWorkspace, Invited, InvitedStatus};
use opencom_core::error::OrNotFound;
use opencom_core::id::WorkspaceInvitationId;
use opencom_core::{Error, Permission, Result, email};
use opencom_providers::email::Mailbox;
use opencom_runtime::{ActionCx, MutationCx, ScopedFutureExt};
use serde_json::json;

use super::mail::SendInvitation;
use super::rows::MemberRow;
use super::{mail, manage, queries, rules, store};
use crate::auth::{acceptance, admits_address};
use crate::workspaces::queries as workspaces;
use crate::{Admin, audit, users};

impl Admin {
    /// Adds whoever has the address, or invites them.
    pub(super) async fn invite(&self, cx: &ActionCx, req: &InviteToWorkspace) -> Result<Invited> {
        let status = cx
            .transaction(|cx| async move { self.add_or_invite(cx, req).await }.scope_boxed())
            .await?;
        Ok(Invited { status })
    }

    async fn add_or_invite(&self, cx: &mut MutationCx, req: &InviteToWorkspace) -> Result<InvitedStatus> {
        let manager = manage(cx, Permission::UsersInvite, req.workspace_id).await?;
        rules::may_make(&manager, req.role)?;
        let address = email::normalize(&req.email);
        if Mailbox::new(None, &address).is_err() {
            return Err(Error::invalid("email", "The e-mail address is not valid"));
        }
        let link = mail::link(self.parts.web_app_url.as_deref(), &req.base_url, &address)?;
        // Whoever the mail goes to has not asked for it.
        cx.count_caller(limits::EMAIL_CODE)?;
        let workspace = workspaces::by_id(cx, req.workspace_id)
            .await?
            .or_not_found("Workspace")?;
        let inviter = cx.user_by_id(manager.user_id).await?;
        let mail = SendInvitation {
            key: WorkspaceInvitationId::generate(),
            to: address.clone(),
            workspace: workspace.name,
            inviter: inviter.and_then(|user| user.name.clone().filter(|name| !name.is_empty()).or(user.email.clone())),
            link: None,
        };
        match users::by_email(cx, &address).await? {
            Some(user) => {
                if queries::of_user(cx, user, req.workspace_id).await?.is_some() {
                    return Err(Error::already_exists("User is already a member of this workspace"));
                }
                store::insert(cx, req.workspace_id, user, req.role.into()).await?;
                let metadata = json!({
                    "targetUserId": user, "targetEmail": address, "role": req.role, "method": "existing_user_add",
                });
                let entry = invited(&manager, "workspaceMember", Some(user.to_string()), metadata);
                audit::record(cx, entry).await?;
                cx.enqueue(&mail)?;
                Ok(InvitedStatus::Added)
            }
            None => {
                store::insert_invitation(cx, &manager, &address, req.role)
                    .await?
                    .ok_or_else(|| Error::already_exists("Invitation already sent to this email"))?;
                let metadata = json!({ "targetEmail": address, "role": req.role, "method": "email_invite" });
                audit::record(cx, invited(&manager, "workspaceInvitation", None, metadata)).await?;
                cx.enqueue(&SendInvitation {
                    link: Some(link),
                    ..mail
                })?;
                Ok(InvitedStatus::Invited)
            }
        }
    }

    /// Withdraws an invitation.
    pub(super) async fn cancel_invitation(&self, cx: &mut MutationCx, id: WorkspaceInvitationId) -> Result<Done> {
        cx.agent().await?;
        let before = queries::invitation(cx, id).await?.or_not_found("Invitation")?;
        let manager = manage(cx, Permission::UsersManage, before.workspace_id).await?;
        let invitation = queries::lock_invitation(cx, id).await?.or_not_found("Invitation")?;
        store::set_status(cx, &invitation, InvitationStatus::Declined).await?;
        let entry = InternalRecord::builder()
            .workspace_id(invitation.workspace_id)
            .actor_id(manager.user_id)
            .action("user.removed")
            .resource_type("workspaceInvitation")
            .resource_id(id.to_string())
            .metadata(json!({ "invitationStatus": "declined", "targetEmail": invitation.email }))
            .build();
        audit::record(cx, entry).await?;
        Ok(Done::DONE)
    }

    /// Joins the workspace that invited the caller.
    pub(super) async fn accept_invitation(&self, cx: &mut MutationCx, id: WorkspaceInvitationId) -> Result<Done> {
        let agent = cx.agent().await?;
        let invitation = queries::lock_invitation(cx, id).await?.or_not_found("Invitation")?;
        if agent.email.as_deref() != Some(&invitation.email) {
            return Err(Error::not_authorized("This invitation is not for you"));
        }
        if invitation.status != InvitationStatus::Pending {
            return Err(Error::invalid("invitationId", "Invitation is no longer valid"));
        }
        if !admits_address(cx, invitation.workspace_id, &invitation.email).await? {
            return Err(Error::not_authorized("Your e-mail address may not join this workspace"));
        }
        if queries::of_user(cx, agent.id, invitation.workspace_id).await?.is_none() {
            store::insert(cx, invitation.workspace_id, agent.id, invitation.role).await?;
        }
        store::set_status(cx, &invitation, InvitationStatus::Accepted).await?;
        let entry = acceptance(
            agent.id,
            invitation.workspace_id,
            id,
            invitation.role,
            invitation.invited_by,
        );
        audit::record(cx, entry).await?;
        Ok(Done::DONE)
    }
}

fn invited(
    manager: &MemberRow,
    resource_type: &'static str,
    resource_id: Option<String>,
    metadata: serde_json::Value,
) -> InternalRecord {
    InternalRecord::builder()
        .workspace_id(manager.workspace_id)
        .actor_id(manager.user_id)
        .action("user.invited")
        .resource_type(resource_type)
        .maybe_resource_id(resource_id)
        .metadata(metadata)
        .build()
}
