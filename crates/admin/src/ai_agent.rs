//! The AI agent's settings.

mod rows;
mod store;

use opencom_contract::ai_agent::{GetPublicSettings, GetSettings, PublicSettings, Settings, UpdateSettings};
use opencom_core::id::AiAgentSettingsId;
use opencom_core::{Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx};

use crate::Admin;

/// The model that finds what the agent knows, unless a known other one is set. Its vectors have 1536 dimensions.
const EMBEDDING_MODEL: &str = "text-embedding-3-small";
/// The other one whose vectors have as many.
const OLDER_EMBEDDING_MODEL: &str = "text-embedding-ada-002";

impl Handle<GetSettings> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetSettings) -> Result<Settings> {
        if cx.member_if_any(req.workspace_id).await?.is_none() {
            return Ok(Settings::default());
        }
        let row = store::of_workspace(cx, req.workspace_id).await?;
        Ok(row.map(Settings::from).unwrap_or_default())
    }
}

impl Handle<UpdateSettings> for Admin {
    async fn handle(&self, cx: &mut MutationCx, req: UpdateSettings) -> Result<AiAgentSettingsId> {
        cx.require(Permission::SettingsWorkspace, req.workspace_id).await?;
        store::upsert(cx, req).await
    }
}

impl Handle<GetPublicSettings> for Admin {
    async fn handle(&self, cx: &mut QueryCx, req: GetPublicSettings) -> Result<PublicSettings> {
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
