//! What a first sign-in creates: the user, a workspace of their own, and the memberships that they were invited to.

use opencom_contract::audit_logs::InternalRecord;
use opencom_contract::auth::Provider;
use opencom_contract::workspaces::SignupMode;
use opencom_core::id::{UserId, WorkspaceId, WorkspaceInvitationId};
use opencom_core::{Result, Role, email};
use opencom_runtime::{MutationCx, QueryCx};
use serde_json::json;

use super::rows::{InvitationRow, SignupSettings};
use super::{queries, store};
use crate::workspaces::store as workspaces;
use crate::{Admin, audit, users};

/// Somebody who is about to become a user.
pub(super) struct Newcomer<'a> {
    /// Normalised.
    pub(super) email: &'a str,
    /// Trimmed.
    pub(super) name: Option<&'a str>,
    /// Trimmed.
    pub(super) workspace_name: Option<&'a str>,
    /// How they prove who they are.
    pub(super) provider: Provider,
}

impl Admin {
    /// Makes the user; `None` when somebody has the address.
    pub(super) async fn sign_up(&self, cx: &mut MutationCx, newcomer: &Newcomer<'_>) -> Result<Option<UserId>> {
        let Some(user) = users::insert(cx, newcomer.email, newcomer.name).await? else {
            return Ok(None);
        };
        let name = first_workspace_name(newcomer.workspace_name, newcomer.name, newcomer.email);
        let workspace = workspaces::insert_owned_by(cx, user, &name).await?;
        users::activate(cx, user, workspace.id).await?;
        self.accept_invitations(cx, user, newcomer).await?;
        Ok(Some(user))
    }

    /// Joins the workspaces that invited this address and whose rules let it in this way; the others keep waiting.
    async fn accept_invitations(&self, cx: &mut MutationCx, user: UserId, newcomer: &Newcomer<'_>) -> Result<()> {
        let admitted: Vec<_> = queries::pending_invitations(cx, newcomer.email)
            .await?
            .into_iter()
            .filter(|(_, settings)| admits(settings, newcomer))
            .map(|(invitation, _)| invitation.id)
            .collect();
        if admitted.is_empty() {
            return Ok(());
        }
        let accepted = store::accept_invitations(cx, newcomer.email, &admitted).await?;
        let roles: Vec<_> = accepted
            .iter()
            .map(|invitation| (invitation.workspace_id, invitation.role))
            .collect();
        workspaces::insert_members(cx, user, &roles).await?;
        for invitation in accepted {
            // The audit trail takes one entry at a time; few have more than one invitation.
            let InvitationRow {
                id,
                workspace_id,
                role,
                invited_by,
            } = invitation;
            audit::record(cx, acceptance(user, workspace_id, id, role, invited_by)).await?;
        }
        Ok(())
    }
}

/// That an invited person joined.
pub(crate) fn acceptance(
    user: UserId,
    workspace_id: WorkspaceId,
    invitation: WorkspaceInvitationId,
    role: Role,
    invited_by: Option<UserId>,
) -> InternalRecord {
    InternalRecord::builder()
        .workspace_id(workspace_id)
        .actor_id(user)
        .action("user.invited")
        .resource_type("workspaceInvitation")
        .resource_id(invitation.to_string())
        .metadata(json!({ "invitationStatus": "accepted", "role": role, "invitedBy": invited_by }))
        .build()
}

/// Whether a workspace's signup settings let this address in.
pub(crate) async fn admits_address(cx: &mut QueryCx, workspace: WorkspaceId, email: &str) -> Result<bool> {
    let settings = queries::signup_settings(cx, workspace).await?;
    Ok(settings.is_some_and(|settings| admits_domain(&settings, email)))
}

/// Whether a workspace's signup settings let an invited person in who signs up in this way.
fn admits(settings: &SignupSettings, newcomer: &Newcomer<'_>) -> bool {
    let methods = settings.auth_methods.as_deref().unwrap_or_default();
    (methods.is_empty() || methods.contains(&newcomer.provider.into())) && admits_domain(settings, newcomer.email)
}

fn admits_domain(settings: &SignupSettings, email: &str) -> bool {
    let domains = match settings.signup_mode {
        Some(SignupMode::DomainAllowlist) => settings.allowed_domains.as_deref().unwrap_or_default(),
        Some(SignupMode::InviteOnly) | None => &[],
    };
    domains.is_empty() || domains.iter().any(|domain| email::is_in_domain(email, domain))
}

/// The name of the workspace that a new user gets.
fn first_workspace_name(wanted: Option<&str>, name: Option<&str>, address: &str) -> String {
    match wanted {
        Some(wanted) => wanted.to_owned(),
        None => workspace_of(name.unwrap_or_else(|| email::local_part(address))),
    }
}

/// The name that a workspace is born with.
pub(super) fn workspace_of(whom: &str) -> String {
    format!("{whom}'s Workspace")
}

#[cfg(test)]
mod tests {
    use opencom_contract::workspaces::AuthMethod;

    use super::*;

    #[test]
    fn a_first_workspace_is_named_after_what_is_known() {
        let address = "ada@example.com";
        assert_eq!(first_workspace_name(Some("Engines"), Some("Ada"), address), "Engines");
        assert_eq!(first_workspace_name(None, Some("Ada"), address), "Ada's Workspace");
        assert_eq!(first_workspace_name(None, None, address), "ada's Workspace");
        assert_eq!(first_workspace_name(None, None, "no-at"), "no-at's Workspace");
    }

    #[test]
    fn signup_settings_admit_the_right_people() {
        let newcomer = |provider| Newcomer {
            email: "ada@mail.example.com",
            name: None,
            workspace_name: None,
            provider,
        };
        let domains = |mode, domains: &[&str]| SignupSettings {
            signup_mode: Some(mode),
            allowed_domains: Some(domains.iter().map(|&domain| domain.to_owned()).collect()),
            auth_methods: Some(Vec::new()),
        };
        let only_codes = SignupSettings {
            auth_methods: Some(vec![AuthMethod::Otp]),
            ..SignupSettings::default()
        };
        for (settings, provider, admitted) in [
            (SignupSettings::default(), Provider::Password, true),
            (domains(SignupMode::DomainAllowlist, &[]), Provider::Password, true),
            (
                domains(SignupMode::DomainAllowlist, &["other.com", "Example.com"]),
                Provider::Password,
                true,
            ),
            (
                domains(SignupMode::DomainAllowlist, &["other.com"]),
                Provider::Otp,
                false,
            ),
            (domains(SignupMode::InviteOnly, &["other.com"]), Provider::Otp, true),
            (SignupSettings { ..only_codes }, Provider::Otp, true),
            (
                SignupSettings {
                    auth_methods: Some(vec![AuthMethod::Otp]),
                    ..SignupSettings::default()
                },
                Provider::Password,
                false,
            ),
        ] {
            assert_eq!(admits(&settings, &newcomer(provider)), admitted);
        }
    }
}
