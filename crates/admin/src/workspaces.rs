//! Workspaces: who sees how much of one, and how one comes to be.

pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use opencom_contract::articles::{InternalOldestPublicWorkspace, InternalWorkspacesWithSlug};
use opencom_contract::workspaces::{
    AuthMethod, Create, Get, GetByName, GetOrCreateDefault, GetPublicWorkspaceContext, OriginVerdict,
    PublicWorkspaceContext, SignupMode, UpdateAllowedOrigins, UpdateHelpCenterAccessPolicy, UpdateSignupSettings,
    ValidateOrigin, Workspace, WorkspaceView,
};
use opencom_core::id::{UserId, WorkspaceId};
use opencom_core::origin::{self, Verdict};
use opencom_core::{Error, Permission, Result, Role};
use opencom_runtime::{Handle, MutationCx, QueryCx};
use serde_json::{Value, json};

use self::rows::WorkspaceRow;
use crate::{Admin, audit, users};

/// The name of a workspace that was made because its owner had none.
const DEFAULT_NAME: &str = "Default Workspace";

/// Somebody changed how a workspace works.
pub(crate) const SETTINGS_CHANGED: &str = "workspace.settings.changed";
/// Somebody changed who gets into a workspace.
pub(crate) const SECURITY_CHANGED: &str = "workspace.security.changed";

impl Handle<Get> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<WorkspaceView>> {
        let member = cx.member_if_any(req.id).await?;
        let Some(row) = queries::by_id(cx, req.id).await? else {
            return Ok(None);
        };
        Ok(Some(match member {
            Some((_, membership)) => {
                WorkspaceView::Member(Box::new(row.for_member(membership.role, &cx.server().master_key)?))
            }
            None => WorkspaceView::Public(row.into()),
        }))
    }
}

impl Handle<GetPublicWorkspaceContext> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetPublicWorkspaceContext) -> Result<Option<PublicWorkspaceContext>> {
        let id = match req.workspace_id {
            Some(id) => Some(id),
            None => workspace_with_articles(cx, req.article_slug.as_deref()).await?,
        };
        let row = match id {
            Some(id) => queries::by_id(cx, id).await?,
            None => queries::oldest(cx).await?,
        };
        Ok(row.map(Into::into))
    }
}

impl Handle<GetByName> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetByName) -> Result<Option<Workspace>> {
        let Some(agent) = cx.agent_if_any().await? else {
            return Ok(None);
        };
        let Some(row) = queries::oldest_by_name(cx, &req.name).await? else {
            return Ok(None);
        };
        let Some(membership) = cx.membership(agent.id, row.id).await? else {
            return Ok(None);
        };
        row.for_member(membership.role, &cx.server().master_key).map(Some)
    }
}

impl Handle<Create> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<WorkspaceId> {
        let agent = cx.agent().await?;
        // One at a time for each user: of two equal requests the second finds what the first made.
        users::lock(cx, agent.id).await?;
        if let Some(existing) = queries::own_by_name(cx, agent.id, &req.name).await? {
            return Ok(existing);
        }
        let metadata = json!({ "operation": "create_workspace", "name": req.name });
        Ok(self.create_for(cx, agent.id, &req.name, metadata).await?.id)
    }
}

impl Handle<GetOrCreateDefault> for Admin {
    async fn handle(&self, cx: &mut MutationCx, _: GetOrCreateDefault) -> Result<Workspace> {
        // Deliberately not `agent`: one whose active workspace was deleted has none, and this is how to get one.
        let user = cx.user().await?.ok_or_else(Error::not_authenticated)?;
        let active = users::lock(cx, user.id).await?;
        if let Some((row, role)) = users::active_workspace(cx, user.id, active).await? {
            return row.for_member(role, &cx.server().master_key);
        }
        let metadata = json!({ "operation": "create_default_workspace" });
        let row = self.create_for(cx, user.id, DEFAULT_NAME, metadata).await?;
        users::activate(cx, user.id, row.id).await?;
        row.for_member(Role::Owner, &cx.server().master_key)
    }
}

impl Handle<ValidateOrigin> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: ValidateOrigin) -> Result<OriginVerdict> {
        let workspace = queries::by_id(cx, req.workspace_id).await?;
        let (valid, reason) = match workspace {
            None => (false, "Workspace not found"),
            Some(row) => judge(row.allowed_origins.as_deref().unwrap_or_default(), &req.origin),
        };
        Ok(OriginVerdict {
            valid,
            reason: reason.to_owned(),
        })
    }
}

impl Handle<UpdateAllowedOrigins> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateAllowedOrigins) -> Result<()> {
        let agent = cx.require(Permission::SettingsSecurity, req.workspace_id).await?;
        store::set_allowed_origins(cx, req.workspace_id, &req.allowed_origins).await?;
        let metadata = json!({ "setting": "allowedOrigins", "valueCount": req.allowed_origins.len() });
        let entry = audit::to_workspace(agent.id, req.workspace_id, SECURITY_CHANGED, Some(metadata));
        audit::record(cx, entry).await
    }
}

impl Handle<UpdateSignupSettings> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateSignupSettings) -> Result<()> {
        let agent = cx.require(Permission::SettingsSecurity, req.workspace_id).await?;
        let domains = match req.signup_mode {
            SignupMode::DomainAllowlist => req.allowed_domains.unwrap_or_default(),
            SignupMode::InviteOnly => Vec::new(),
        };
        let methods = req.auth_methods.as_deref();
        let methods = store::set_signup(cx, req.workspace_id, req.signup_mode, &domains, methods).await?;
        let methods = methods.unwrap_or_else(|| AuthMethod::ALL.to_vec());
        let names: Vec<_> = methods.into_iter().map(AuthMethod::as_str).collect();
        let metadata = json!({
            "setting": "signup", "signupMode": req.signup_mode, "allowedDomainsCount": domains.len(),
            "authMethods": names.join(","),
        });
        let entry = audit::to_workspace(agent.id, req.workspace_id, SECURITY_CHANGED, Some(metadata));
        audit::record(cx, entry).await
    }
}

impl Handle<UpdateHelpCenterAccessPolicy> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateHelpCenterAccessPolicy) -> Result<()> {
        let agent = cx.require(Permission::SettingsWorkspace, req.workspace_id).await?;
        store::set_help_center_access_policy(cx, req.workspace_id, req.policy).await?;
        let metadata = json!({ "setting": "helpCenterAccessPolicy", "value": req.policy });
        let entry = audit::to_workspace(agent.id, req.workspace_id, SETTINGS_CHANGED, Some(metadata));
        audit::record(cx, entry).await
    }
}

impl Admin {
    async fn create_for(
        &self,
        cx: &mut MutationCx,
        owner: UserId,
        name: &str,
        metadata: Value,
    ) -> Result<WorkspaceRow> {
        let row = store::insert_owned_by(cx, owner, name).await?;
        let entry = audit::to_workspace(owner, row.id, SETTINGS_CHANGED, Some(metadata));
        audit::record(cx, entry).await?;
        Ok(row)
    }
}

/// Finds the workspace of a help page that names none by its articles; `None` if this server has no help center.
async fn workspace_with_articles(cx: &mut QueryCx, slug: Option<&str>) -> Result<Option<WorkspaceId>> {
    if let Some(slug) = slug.filter(|slug| !slug.is_empty()) {
        let request = InternalWorkspacesWithSlug::builder().slug(slug).build();
        let found = cx.query_if_served(request).await?.unwrap_or_default();
        if let [only] = found[..] {
            return Ok(Some(only));
        }
    }
    let oldest = cx.query_if_served(InternalOldestPublicWorkspace::default()).await?;
    Ok(oldest.flatten())
}

/// Judges as a visitor's boot does, but has one text for whatever starts like a web origin.
fn judge(allowed: &[String], origin: &str) -> (bool, &'static str) {
    let looks_like_one = ["http://", "https://"].iter().any(|scheme| origin.starts_with(scheme));
    match origin::judge(allowed, Some(origin)) {
        Verdict::Unrestricted => (true, "No origin restrictions configured"),
        _ if !looks_like_one => (false, "Origin must be a valid http(s) origin"),
        Verdict::Allowed => (true, "Origin allowed"),
        Verdict::Missing | Verdict::Malformed | Verdict::NotListed => (false, "Origin not in allowed list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_judged_in_the_order_of_the_contract() {
        let list = ["https://a.com".to_owned(), "*.b.com".to_owned()];
        assert_eq!(judge(&[], "nonsense"), (true, "No origin restrictions configured"));
        for (origin, verdict) in [
            ("", (false, "Origin must be a valid http(s) origin")),
            ("a.com", (false, "Origin must be a valid http(s) origin")),
            ("ftp://a.com", (false, "Origin must be a valid http(s) origin")),
            (" https://a.com", (false, "Origin must be a valid http(s) origin")),
            ("https://user@a.com", (false, "Origin not in allowed list")),
            ("https://", (false, "Origin not in allowed list")),
            ("https://c.com", (false, "Origin not in allowed list")),
            ("https://a.com:443/path", (true, "Origin allowed")),
            ("http://x.b.com:81", (true, "Origin allowed")),
        ] {
            assert_eq!(judge(&list, origin), verdict, "{origin}");
        }
    }
}
