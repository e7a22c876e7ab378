-- Tables of the context `admin`: workspaces, their members and settings, sign-in, and the audit log.

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    allowed_origins text[],
    help_center_access_policy text
        CONSTRAINT workspaces_help_center_access_policy_is_known
        CHECK (help_center_access_policy IN ('public', 'restricted')),
    signup_mode text
        CONSTRAINT workspaces_signup_mode_is_known CHECK (signup_mode IN ('invite-only', 'domain-allowlist')),
    allowed_domains text[],
    auth_methods text[],
    identity_secret_sealed bytea,
    identity_verification_enabled boolean,
    identity_verification_mode text
        CONSTRAINT workspaces_identity_verification_mode_is_known
        CHECK (identity_verification_mode IN ('optional', 'required')),
    session_lifetime_ms bigint,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE workspaces IS 'Owner: admin. The tenants.';
COMMENT ON COLUMN workspaces.identity_secret_sealed IS 'The HMAC secret of identity verification, sealed under the master key.';
CREATE INDEX workspaces_name ON workspaces (name, created_at, id);
CREATE INDEX workspaces_created_at ON workspaces (created_at, id);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    workspace_id uuid REFERENCES workspaces (id) ON DELETE SET NULL,
    email text CONSTRAINT users_email_unique UNIQUE,
    name text,
    avatar_url text,
    role text CONSTRAINT users_role_is_known CHECK (role IN ('admin', 'agent')),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE users IS 'Owner: admin. Accounts of people; a user may be a member of several workspaces.';
COMMENT ON COLUMN users.workspace_id IS 'The active workspace.';
COMMENT ON COLUMN users.email IS 'Trimmed and in lower case.';
COMMENT ON COLUMN users.role IS 'Grants nothing; permissions come from workspace_members.';
CREATE INDEX users_workspace_id ON users (workspace_id);

CREATE TABLE workspace_members (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL
        CONSTRAINT workspace_members_role_is_known CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    permissions text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    CONSTRAINT workspace_members_user_workspace_unique UNIQUE (user_id, workspace_id)
);
COMMENT ON TABLE workspace_members IS 'Owner: admin. Which users belong to a workspace, and what they may do there.';
COMMENT ON COLUMN workspace_members.permissions IS 'Replaces the permissions of the role where not empty.';
CREATE INDEX workspace_members_workspace_id ON workspace_members (workspace_id, created_at);

CREATE TABLE workspace_invitations (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    invited_by uuid REFERENCES users (id) ON DELETE SET NULL,
    email text NOT NULL,
    role text NOT NULL
        CONSTRAINT workspace_invitations_role_is_known CHECK (role IN ('admin', 'agent', 'viewer')),
    status text NOT NULL
        CONSTRAINT workspace_invitations_status_is_known CHECK (status IN ('pending', 'accepted', 'declined')),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE workspace_invitations IS 'Owner: admin. Invitations of addresses to a workspace.';
CREATE UNIQUE INDEX workspace_invitations_one_pending
    ON workspace_invitations (email, workspace_id) WHERE status = 'pending';
CREATE INDEX workspace_invitations_workspace_id ON workspace_invitations (workspace_id, created_at);

CREATE TABLE auth_accounts (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider text NOT NULL CONSTRAINT auth_accounts_provider_is_known CHECK (provider IN ('password', 'resend-otp')),
    provider_account_id text NOT NULL,
    secret text,
    email_verified boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    CONSTRAINT auth_accounts_provider_account_unique UNIQUE (provider, provider_account_id)
);
COMMENT ON TABLE auth_accounts IS 'Owner: admin. How a user can sign in.';
COMMENT ON COLUMN auth_accounts.provider_account_id IS 'The email address, trimmed and in lower case.';
COMMENT ON COLUMN auth_accounts.secret IS 'The argon2id hash of the password.';
CREATE INDEX auth_accounts_user_id ON auth_accounts (user_id);

CREATE TABLE auth_sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE auth_sessions IS 'Owner: admin. Signed-in sessions of users.';
CREATE INDEX auth_sessions_user_id ON auth_sessions (user_id);
CREATE INDEX auth_sessions_expires_at ON auth_sessions (expires_at);

CREATE TABLE auth_refresh_tokens (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES auth_sessions (id) ON DELETE CASCADE,
    parent_id uuid REFERENCES auth_refresh_tokens (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT auth_refresh_tokens_token_hash_unique UNIQUE,
    created_at timestamptz NOT NULL,
    first_used_at timestamptz,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE auth_refresh_tokens IS 'Owner: admin. Refresh tokens; each use creates a successor.';
COMMENT ON COLUMN auth_refresh_tokens.parent_id IS 'The token that this one succeeded.';
CREATE INDEX auth_refresh_tokens_session_id ON auth_refresh_tokens (session_id, id);
CREATE INDEX auth_refresh_tokens_parent_id ON auth_refresh_tokens (parent_id);

CREATE TABLE auth_verification_codes (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT auth_verification_codes_email_unique UNIQUE,
    code_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE auth_verification_codes IS 'Owner: admin. The latest code sent to an address. Requesting a code creates no account.';
COMMENT ON COLUMN auth_verification_codes.code_hash IS 'Keyed hash of address and code under the master key: the plain hash of six digits could be guessed.';
CREATE INDEX auth_verification_codes_expires_at ON auth_verification_codes (expires_at);

CREATE TABLE auth_rate_limits (
    identifier text PRIMARY KEY,
    full_at timestamptz NOT NULL
);
COMMENT ON TABLE auth_rate_limits IS 'Owner: admin. Token buckets of failed sign-ins and of requests for codes; a success deletes the row.';
COMMENT ON COLUMN auth_rate_limits.full_at IS 'When the bucket is full again and the row has no effect. Each attempt moves it forward.';
CREATE INDEX auth_rate_limits_full_at ON auth_rate_limits (full_at);

CREATE TABLE signing_keys (
    id uuid PRIMARY KEY,
    private_key_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE signing_keys IS 'Owner: admin. RSA keys of the agents'' JWTs (PKCS#8 PEM, sealed under the master key); the newest one signs.';

CREATE TABLE audit_logs (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    actor_id uuid,
    actor_type text NOT NULL
        CONSTRAINT audit_logs_actor_type_is_known CHECK (actor_type IN ('user', 'system', 'api')),
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id text,
    metadata jsonb,
    "timestamp" timestamptz NOT NULL
);
COMMENT ON TABLE audit_logs IS 'Owner: admin. The audit log, written in the transaction of each change.';
COMMENT ON COLUMN audit_logs.actor_id IS 'No foreign key: an entry outlives the user.';
CREATE INDEX audit_logs_workspace_timestamp ON audit_logs (workspace_id, "timestamp", id);
-- Serves the list of distinct actions, and the entries of one action.
CREATE INDEX audit_logs_workspace_action ON audit_logs (workspace_id, action, "timestamp", id);
-- Partial: most entries are of visitors' sessions and have no actor.
CREATE INDEX audit_logs_workspace_actor ON audit_logs (workspace_id, actor_id, "timestamp", id)
    WHERE actor_id IS NOT NULL;

CREATE TABLE audit_log_settings (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL
        CONSTRAINT audit_log_settings_workspace_unique UNIQUE REFERENCES workspaces (id) ON DELETE CASCADE,
    retention_days integer NOT NULL
        CONSTRAINT audit_log_settings_retention_is_known CHECK (retention_days IN (30, 90, 365)),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_log_settings IS 'Owner: admin. Retention of the audit log; 90 days in a workspace without a row.';

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
COMMENT ON TABLE ai_agent_settings IS 'Owner: admin. Settings of the AI agent.';
COMMENT ON COLUMN ai_agent_settings.handoff_message IS 'NULL means the default text; an empty text is sent as it is.';
COMMENT ON COLUMN ai_agent_settings.last_config_error IS 'The error of the last use of these settings.';

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
COMMENT ON TABLE automation_settings IS 'Owner: admin. What the widget does by itself.';
