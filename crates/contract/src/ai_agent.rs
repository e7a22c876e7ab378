//! The AI agent of a workspace: its settings.

use bon::Builder;
use opencom_core::Permission::SettingsWorkspace;
use opencom_core::id::{AiAgentSettingsId, WorkspaceId};
use opencom_core::{Millis, jsonb_column, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::arguments::object_or_null;
use crate::function::{ANYONE, Access, Who, functions, permitted};
use crate::limits;

/// What those get who may not see a workspace's settings, as JSON: [`Settings::default`].
const DEFAULTS: &str = r#"{"enabled":false,"knowledgeSources":["articles"],"confidenceThreshold":0.6,"personality":null,"handoffMessage":"Let me connect you with a human agent who can help you better.","workingHours":null,"model":"openai/gpt-5-nano","suggestionsEnabled":false,"embeddingModel":"text-embedding-3-small","lastConfigError":null}"#;

functions! {
    GetSettings: query "aiAgent:getSettings" -> Settings, Access::only(Who::Member).or(DEFAULTS);
    UpdateSettings: mutation "aiAgent:updateSettings" -> AiAgentSettingsId, permitted(SettingsWorkspace), nulls in "workingHours";
    GetPublicSettings: query "aiAgent:getPublicSettings" -> PublicSettings, ANYONE;
}

/// The settings, for members; the defaults for everybody else.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

/// Changes those settings that are given. What went wrong with the old ones is forgotten.
///
/// # Errors
/// `NOT_AUTHENTICATED`, `NOT_WORKSPACE_MEMBER`, `PERMISSION_DENIED`.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct UpdateSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whether the agent answers visitors.
    pub enabled: Option<bool>,
    /// What it knows; empty: everything.
    #[validate(length(max = limits::IDS))]
    pub knowledge_sources: Option<Vec<KnowledgeSource>>,
    /// How sure it must be to answer, from 0 to 1.
    #[validate(range(min = 0.0, max = 1.0, message = "confidenceThreshold must be between 0 and 1"))]
    pub confidence_threshold: Option<f64>,
    /// How it speaks.
    #[validate(length(max = limits::MESSAGE))]
    pub personality: Option<String>,
    /// What it says when it hands over to a person.
    #[validate(length(max = limits::MESSAGE))]
    pub handoff_message: Option<String>,
    /// When it works; `null`: always.
    #[serde(default, deserialize_with = "object_or_null")]
    #[validate(nested)]
    pub working_hours: Option<Option<WorkingHours>>,
    /// Which model it is: `provider/model`, or a model of the gateway.
    #[validate(length(max = limits::NAME))]
    pub model: Option<String>,
    /// Whether agents are shown suggestions.
    pub suggestions_enabled: Option<bool>,
    /// Which model finds what it knows. Models that are not known become `text-embedding-3-small`.
    #[validate(length(max = limits::NAME))]
    pub embedding_model: Option<String>,
}

/// What the widget may know of the settings, for everyone.
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GetPublicSettings {
    /// The workspace.
    pub workspace_id: WorkspaceId,
}

text_enum! {
    /// Something that the agent knows.
    pub enum KnowledgeSource {
        /// Articles of the help center.
        Articles = "articles",
        /// Articles for agents.
        InternalArticles = "internalArticles",
        /// Snippets.
        Snippets = "snippets",
    }
}

/// When the agent works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
#[serde(deny_unknown_fields)]
pub struct WorkingHours {
    /// `09:00`.
    #[validate(length(max = limits::NAME))]
    pub start: String,
    /// `17:00`.
    #[validate(length(max = limits::NAME))]
    pub end: String,
    /// `Europe/Paris`.
    #[validate(length(max = limits::NAME))]
    pub timezone: String,
}

jsonb_column!(WorkingHours);

/// What went wrong with the settings when they were last used.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
#[serde(rename_all = "camelCase")]
pub struct ConfigError {
    /// What kind of thing.
    pub code: String,
    /// What, in words.
    pub message: String,
    /// The provider that was asked.
    pub provider: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// When.
    pub detected_at: Millis,
}

jsonb_column!(ConfigError);

/// What the widget may know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicSettings {
    /// Whether the agent answers visitors.
    pub enabled: bool,
    /// What it knows; empty: everything.
    pub knowledge_sources: Vec<KnowledgeSource>,
    /// How sure it must be to answer.
    pub confidence_threshold: f64,
    /// How it speaks.
    pub personality: Option<String>,
    /// What it says when it hands over to a person.
    pub handoff_message: String,
    /// When it works; `null`: always.
    pub working_hours: Option<WorkingHours>,
    /// Which model it is.
    pub model: String,
    /// Whether agents are shown suggestions.
    pub suggestions_enabled: bool,
    /// Which model finds what it knows.
    pub embedding_model: String,
}

/// What holds where nothing was set.
impl Default for PublicSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            knowledge_sources: vec![KnowledgeSource::Articles],
            confidence_threshold: 0.6,
            personality: None,
            handoff_message: "Let me connect you with a human agent who can help you better.".to_owned(),
            working_hours: None,
            model: "openai/gpt-5-nano".to_owned(),
            suggestions_enabled: false,
            embedding_model: "text-embedding-3-small".to_owned(),
        }
    }
}

/// The settings. The row's own fields are absent while nothing was set.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AiAgentSettings")]
pub struct Settings {
    /// The row's id.
    #[serde(rename = "_id")]
    pub id: Option<AiAgentSettingsId>,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Option<Millis>,
    /// The workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// What everyone may know.
    #[serde(flatten)]
    pub public: PublicSettings,
    /// What went wrong when they were last used.
    #[serialize_always]
    pub last_config_error: Option<ConfigError>,
    /// When they were first set.
    pub created_at: Option<Millis>,
    /// When they were last set.
    pub updated_at: Option<Millis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_defaults() {
        let text = serde_json::to_string(&Settings::default()).unwrap();
        assert_eq!(text, DEFAULTS);
    }
}
