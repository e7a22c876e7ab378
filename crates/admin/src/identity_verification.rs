//! Identity verification: its settings, and the secret by which customers vouch for their users.

mod queries;

use opencom_contract::done::Done;
use opencom_contract::identity_verification::{
    Disable, Enable, Enabled, GetSecret, GetSettings, GetVisitorStatus, IsRequired, Requirement, RotateSecret,
    RotatedSecret, Secret, Settings, UpdateMode, VisitorStatus,
};
use opencom_contract::workspaces::IdentityVerificationMode;
use opencom_core::auth::seal::MasterKey;
use opencom_core::auth::token;
use opencom_core::error::OrNotFound;
use opencom_core::id::WorkspaceId;
use opencom_core::{Error, Permission, Result};
use opencom_runtime::access::IDENTITY_SECRET;
use opencom_runtime::{Handle, MutationCx, QueryCx};
use serde_json::json;

use crate::workspaces::store::IdentityChange;
use crate::workspaces::{SECURITY_CHANGED, queries as workspaces, store};
use crate::{Admin, audit};

/// How many letters and digits a secret has.
const LENGTH: usize = 64;

impl Handle<GetSettings> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetSettings) -> Result<Option<Settings>> {
        let Some(agent) = cx.agent_if_any().await? else {
            return Ok(None);
        };
        cx.membership(agent.id, req.workspace_id)
            .await?
            .ok_or_else(Error::not_workspace_member)?;
        let row = workspaces::by_id(cx, req.workspace_id).await?;
        Ok(row.map(|row| Settings {
            enabled: row.identity_verification_enabled.unwrap_or(false),
            mode: row
                .identity_verification_mode
                .unwrap_or(IdentityVerificationMode::Optional),
            has_secret: row.identity_secret_sealed.is_some(),
        }))
    }
}

impl Handle<Enable> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: Enable) -> Result<Enabled> {
        let id = req.workspace_id;
        let agent = cx.require(Permission::SettingsSecurity, id).await?;
        let row = store::lock(cx, id).await?.or_not_found("Workspace")?;
        let mode = req.mode.unwrap_or(IdentityVerificationMode::Optional);
        let (secret, secret_sealed) = match row.identity_secret_sealed {
            Some(_) => (None, None),
            None => {
                let (secret, sealed) = new_secret(&cx.server().master_key)?;
                (Some(secret), Some(sealed))
            }
        };
        let change = IdentityChange {
            enabled: Some(true),
            mode: Some(mode),
            secret_sealed,
        };
        store::set_identity(cx, id, change).await?;
        let metadata = json!({ "mode": mode });
        let entry = audit::to_workspace(agent.id, id, "widget.identity.enabled", Some(metadata));
        audit::record(cx, entry).await?;
        Ok(Enabled {
            success: true,
            is_new_secret: secret.is_some(),
            secret,
            mode,
        })
    }
}

impl Handle<Disable> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: Disable) -> Result<Done> {
        let id = req.workspace_id;
        let agent = cx.require(Permission::SettingsSecurity, id).await?;
        if req.confirm_disable == Some(false) {
            let text = "Confirmation required to disable identity verification";
            return Err(Error::invalid("confirmDisable", text));
        }
        let change = IdentityChange {
            enabled: Some(false),
            ..IdentityChange::default()
        };
        store::set_identity(cx, id, change).await?;
        let entry = audit::to_workspace(agent.id, id, "widget.identity.disabled", None);
        audit::record(cx, entry).await?;
        Ok(Done::DONE)
    }
}

impl Handle<RotateSecret> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: RotateSecret) -> Result<RotatedSecret> {
        let id = req.workspace_id;
        let agent = cx.require(Permission::SettingsSecurity, id).await?;
        lock_enabled(cx, id, "Identity verification must be enabled to rotate secret").await?;
        let (secret, sealed) = new_secret(&cx.server().master_key)?;
        let change = IdentityChange {
            secret_sealed: Some(sealed),
            ..IdentityChange::default()
        };
        store::set_identity(cx, id, change).await?;
        let entry = audit::to_workspace(agent.id, id, "widget.identity.secret.rotated", None);
        audit::record(cx, entry).await?;
        Ok(RotatedSecret { success: true, secret })
    }
}

impl Handle<UpdateMode> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateMode) -> Result<Done> {
        let id = req.workspace_id;
        let agent = cx.require(Permission::SettingsSecurity, id).await?;
        let old = lock_enabled(cx, id, "Identity verification must be enabled first").await?;
        let change = IdentityChange {
            mode: Some(req.mode),
            ..IdentityChange::default()
        };
        store::set_identity(cx, id, change).await?;
        let metadata = json!({ "setting": "identityVerificationMode", "oldValue": old, "newValue": req.mode });
        let entry = audit::to_workspace(agent.id, id, SECURITY_CHANGED, Some(metadata));
        audit::record(cx, entry).await?;
        Ok(Done::DONE)
    }
}

impl Handle<GetSecret> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetSecret) -> Result<Option<Secret>> {
        cx.require(Permission::SettingsSecurity, req.workspace_id).await?;
        let sealed = workspaces::by_id(cx, req.workspace_id)
            .await?
            .and_then(|row| row.identity_secret_sealed);
        let secret = sealed.map(|sealed| cx.server().master_key.open_text(IDENTITY_SECRET, &sealed));
        Ok(secret.transpose()?.map(|secret| Secret { secret }))
    }
}

impl Handle<IsRequired> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: IsRequired) -> Result<Requirement> {
        let Some(row) = workspaces::by_id(cx, req.workspace_id).await? else {
            return Ok(Requirement {
                enabled: false,
                required: Some(false),
            });
        };
        let required = row.identity_verification_mode == Some(IdentityVerificationMode::Required);
        let enabled = row.identity_verification_enabled;
        Ok(Requirement {
            enabled: enabled.unwrap_or(false),
            required: enabled.map(|enabled| enabled && required),
        })
    }
}

impl Handle<GetVisitorStatus> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetVisitorStatus) -> Result<Option<VisitorStatus>> {
        let token = req.session_token.as_deref();
        let is_agent = cx.agent_if_any().await?.is_some();
        if !is_agent {
            // Strangers do not learn which visitors there are.
            cx.session_by_token(token).await?;
        }
        let Some(visitor) = queries::visitor(cx, req.visitor_id).await? else {
            return Ok(None);
        };
        if is_agent {
            cx.require(Permission::UsersRead, visitor.workspace_id).await?;
        } else if cx.visitor(token, visitor.workspace_id).await?.visitor_id != visitor.id {
            let text = "Not authorized to access visitor verification status";
            return Err(Error::not_authorized(text));
        }
        Ok(Some(VisitorStatus {
            verified: visitor.identity_verified.unwrap_or(false),
            verified_at: visitor.identity_verified_at,
        }))
    }
}

/// Locks a workspace whose verification is on, and gives the mode.
async fn lock_enabled(
    cx: &mut MutationCx,
    id: WorkspaceId,
    otherwise: &'static str,
) -> Result<IdentityVerificationMode> {
    let row = store::lock(cx, id).await?.or_not_found("Workspace")?;
    if row.identity_verification_enabled != Some(true) {
        return Err(Error::invalid("workspaceId", otherwise));
    }
    Ok(row
        .identity_verification_mode
        .unwrap_or(IdentityVerificationMode::Optional))
}

/// A secret, and how it is stored.
fn new_secret(key: &MasterKey) -> Result<(String, Vec<u8>)> {
    let secret = token::alphanumeric(LENGTH)?;
    let sealed = key.seal_text(IDENTITY_SECRET, &secret)?;
    Ok((secret, sealed))
}
