//! The AI agent's settings.

mod rows;
mod store;

use async_trait::async_trait;
use opencom_contract::ai_agent::{GetPublicSettings, GetSettings, PublicSettings, Settings, UpdateSettings};
use opencom_core::id::AiAgentSettingsId;
use opencom_core::{Permission, Result};
use opencom_runtime::registry::Registration;
use opencom_runtime::{MutationCx, QueryCx};

use crate::{Admin, AdminService};

/// The model that finds what the agent knows, unless a known other one is set. Its vectors have 1536 dimensions.
const EMBEDDING_MODEL: &str = "text-embedding-3-small";
/// The other one whose vectors have as many.
const OLDER_EMBEDDING_MODEL: &str = "text-embedding-ada-002";

/// The settings of `aiAgent`.
#[async_trait]
pub trait AiAgentSettings: Send + Sync {
    /// The settings, for members; the defaults for everybody else and while nothing was set.
    async fn ai_agent_get_settings(&self, cx: &mut QueryCx, req: GetSettings) -> Result<Settings>;

    /// Changes those settings that are given, for members with `settings.workspace`, and forgets what went wrong with the
    /// old ones.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
    async fn ai_agent_update_settings(&self, cx: &mut MutationCx, req: UpdateSettings) -> Result<AiAgentSettingsId>;

    /// What the widget may know of the settings, for everyone.
    async fn ai_agent_get_public_settings(&self, cx: &mut QueryCx, req: GetPublicSettings) -> Result<PublicSettings>;
}

pub(crate) fn register(of: &mut Registration<'_, dyn AdminService>) {
    of.query::<GetSettings>(|s, cx, req| s.ai_agent_get_settings(cx, req))
        .mutation::<UpdateSettings>(|s, cx, req| s.ai_agent_update_settings(cx, req))
        .query::<GetPublicSettings>(|s, cx, req| s.ai_agent_get_public_settings(cx, req));
}

#[async_trait]
impl AiAgentSettings for Admin {
    async fn ai_agent_get_settings(&self, cx: &mut QueryCx, req: GetSettings) -> Result<Settings> {
        if cx.member_if_any(req.workspace_id).await?.is_none() {
            return Ok(Settings::default());
        }
        let row = store::of_workspace(cx, req.workspace_id).await?;
        Ok(row.map(Settings::from).unwrap_or_default())
    }

    async fn ai_agent_update_settings(&self, cx: &mut MutationCx, req: UpdateSettings) -> Result<AiAgentSettingsId> {
        cx.require(Permission::SettingsWorkspace, req.workspace_id).await?;
        store::upsert(cx, req).await
    }

    async fn ai_agent_get_public_settings(&self, cx: &mut QueryCx, req: GetPublicSettings) -> Result<PublicSettings> {
        let row = store::of_workspace(cx, req.workspace_id).await?;
        Ok(row.map(Settings::from).unwrap_or_default().public)
    }
}

/// The embedding model that a text stands for.
fn embedding_model(text: &str) -> &'static str {
    if text.trim().to_lowercase() == OLDER_EMBEDDING_MODEL {
        OLDER_EMBEDDING_MODEL
    } else {
        EMBEDDING_MODEL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedding_models_that_are_not_known_become_the_usual_one() {
        for (text, model) in [
            ("", EMBEDDING_MODEL),
            (" Text-Embedding-3-Small ", EMBEDDING_MODEL),
            (" TEXT-embedding-ada-002", OLDER_EMBEDDING_MODEL),
            ("text-embedding-3-large", EMBEDDING_MODEL),
            ("nonsense", EMBEDDING_MODEL),
        ] {
            assert_eq!(embedding_model(text), model, "{text:?}");
        }
        assert_eq!(PublicSettings::default().embedding_model, EMBEDDING_MODEL);
    }
}
