-- Owned by the crate `admin`.

CREATE TABLE audit_log_settings (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL
        CONSTRAINT audit_log_settings_workspace_unique UNIQUE REFERENCES workspaces (id) ON DELETE CASCADE,
    retention_days integer NOT NULL
        CONSTRAINT audit_log_settings_retention_is_known CHECK (retention_days IN (30, 90, 365)),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_log_settings IS 'A workspace without a row keeps its audit log for 90 days.';

CREATE TABLE ai_agent_settings (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL
        CONSTRAINT ai_agent_settings_workspace_unique UNIQUE REFERENCES workspaces (id) ON DELETE CASCADE,
    enabled boolean NOT NULL,
    knowledge_sources text[] NOT NULL,
    confidence_threshold double precision NOT NULL,
    personality text,
    handoff_message text,
    working_hours jsonb,
    model text NOT NULL,
    suggestions_enabled boolean NOT NULL,
    embedding_model text NOT NULL,
    last_config_error jsonb,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON COLUMN ai_agent_settings.handoff_message IS 'Absent: the default text. Empty is a text too.';
COMMENT ON COLUMN ai_agent_settings.last_config_error IS 'What went wrong when the settings were last used.';

CREATE TABLE automation_settings (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL
        CONSTRAINT automation_settings_workspace_unique UNIQUE REFERENCES workspaces (id) ON DELETE CASCADE,
    suggest_articles_enabled boolean NOT NULL,
    show_reply_time_enabled boolean NOT NULL,
    collect_email_enabled boolean NOT NULL,
    ask_for_rating_enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
