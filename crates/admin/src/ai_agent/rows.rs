//! Rows of `ai_agent_settings`.

use diesel::prelude::*;
use opencom_contract::ai_agent::{
    ConfigError, KnowledgeSource, PublicSettings, Settings, UpdateSettings, WorkingHours,
};
use opencom_core::Millis;
use opencom_core::id::{AiAgentSettingsId, WorkspaceId};
use opencom_schema::ai_agent_settings;

use super::embedding_model;

#[derive(HasQuery)]
#[diesel(table_name = ai_agent_settings)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct SettingsRow {
    id: AiAgentSettingsId,
    workspace_id: WorkspaceId,
    enabled: bool,
    knowledge_sources: Vec<KnowledgeSource>,
    confidence_threshold: f64,
    personality: Option<String>,
    handoff_message: Option<String>,
    working_hours: Option<WorkingHours>,
    model: String,
    suggestions_enabled: bool,
    embedding_model: String,
    last_config_error: Option<ConfigError>,
    created_at: Millis,
    updated_at: Millis,
}

impl From<SettingsRow> for Settings {
    fn from(row: SettingsRow) -> Self {
        Self {
            id: Some(row.id),
            creation_time: Some(row.created_at),
            workspace_id: Some(row.workspace_id),
            public: PublicSettings {
                enabled: row.enabled,
                knowledge_sources: row.knowledge_sources,
                confidence_threshold: row.confidence_threshold,
                personality: row.personality,
                handoff_message: row
                    .handoff_message
                    .unwrap_or_else(|| PublicSettings::default().handoff_message),
                working_hours: row.working_hours,
                model: row.model,
                suggestions_enabled: row.suggestions_enabled,
                embedding_model: embedding_model(&row.embedding_model).to_owned(),
            },
            last_config_error: row.last_config_error,
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
        }
    }
}

/// The first settings of a workspace.
#[derive(Insertable)]
#[diesel(table_name = ai_agent_settings)]
#[diesel(treat_none_as_default_value = false)]
pub(super) struct NewSettings {
    id: AiAgentSettingsId,
    workspace_id: WorkspaceId,
    enabled: bool,
    knowledge_sources: Vec<KnowledgeSource>,
    confidence_threshold: f64,
    personality: Option<String>,
    handoff_message: Option<String>,
    working_hours: Option<WorkingHours>,
    model: String,
    suggestions_enabled: bool,
    embedding_model: &'static str,
    created_at: Millis,
    updated_at: Millis,
}

impl NewSettings {
    /// What is not given is the default; the texts stay absent.
    pub(super) fn new(req: &UpdateSettings, now: Millis) -> Self {
        let defaults = PublicSettings::default();
        let given = req.clone();
        Self {
            id: AiAgentSettingsId::generate(),
            workspace_id: given.workspace_id,
            enabled: given.enabled.unwrap_or(defaults.enabled),
            knowledge_sources: given.knowledge_sources.unwrap_or(defaults.knowledge_sources),
            confidence_threshold: given.confidence_threshold.unwrap_or(defaults.confidence_threshold),
            personality: given.personality,
            handoff_message: given.handoff_message,
            working_hours: given.working_hours.flatten(),
            model: given.model.unwrap_or(defaults.model),
            suggestions_enabled: given.suggestions_enabled.unwrap_or(defaults.suggestions_enabled),
            embedding_model: embedding_model(given.embedding_model.as_deref().unwrap_or_default()),
            created_at: now,
            updated_at: now,
        }
    }
}

/// What changes of the settings; what is absent stays.
#[derive(AsChangeset)]
#[diesel(table_name = ai_agent_settings)]
pub(super) struct Change {
    enabled: Option<bool>,
    knowledge_sources: Option<Vec<KnowledgeSource>>,
    confidence_threshold: Option<f64>,
    personality: Option<String>,
    handoff_message: Option<String>,
    working_hours: Option<Option<WorkingHours>>,
    model: Option<String>,
    suggestions_enabled: Option<bool>,
    embedding_model: Option<&'static str>,
    last_config_error: Option<Option<ConfigError>>,
    updated_at: Millis,
}

impl Change {
    /// What went wrong with the old settings says nothing of the new ones.
    pub(super) fn new(req: UpdateSettings, now: Millis) -> Self {
        Self {
            enabled: req.enabled,
            knowledge_sources: req.knowledge_sources,
            confidence_threshold: req.confidence_threshold,
            personality: req.personality,
            handoff_message: req.handoff_message,
            working_hours: req.working_hours,
            model: req.model,
            suggestions_enabled: req.suggestions_enabled,
            embedding_model: req.embedding_model.as_deref().map(embedding_model),
            last_config_error: Some(None),
            updated_at: now,
        }
    }
}
