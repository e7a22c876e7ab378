-- Owned by the crate `admin`.

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
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
    session_lifetime_ms bigint
);
COMMENT ON COLUMN workspaces.identity_secret_sealed IS 'The HMAC secret of identity verification, under the master key.';
CREATE INDEX workspaces_name ON workspaces (name, created_at, id);
CREATE INDEX workspaces_created_at ON workspaces (created_at, id);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text CONSTRAINT users_email_unique UNIQUE,
    name text,
    avatar_url text,
    workspace_id uuid REFERENCES workspaces (id) ON DELETE SET NULL,
    role text CONSTRAINT users_role_is_known CHECK (role IN ('admin', 'agent')),
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN users.email IS 'Trimmed and in lower case.';
COMMENT ON COLUMN users.workspace_id IS 'The active workspace.';
COMMENT ON COLUMN users.role IS 'A leftover of an older permission model; authority comes from workspace_members.';
CREATE INDEX users_workspace_id ON users (workspace_id);

CREATE TABLE workspace_members (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    role text NOT NULL
        CONSTRAINT workspace_members_role_is_known CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    permissions text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    CONSTRAINT workspace_members_user_workspace_unique UNIQUE (user_id, workspace_id)
);
COMMENT ON COLUMN workspace_members.permissions IS 'Decides alone when not empty; otherwise the role does.';
CREATE INDEX workspace_members_workspace_id ON workspace_members (workspace_id, created_at);

CREATE TABLE workspace_invitations (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    email text NOT NULL,
    role text NOT NULL
        CONSTRAINT workspace_invitations_role_is_known CHECK (role IN ('admin', 'agent', 'viewer')),
    invited_by uuid REFERENCES users (id) ON DELETE SET NULL,
    status text NOT NULL
        CONSTRAINT workspace_invitations_status_is_known CHECK (status IN ('pending', 'accepted', 'declined')),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX workspace_invitations_one_pending
    ON workspace_invitations (email, workspace_id) WHERE status = 'pending';
CREATE INDEX workspace_invitations_workspace_id ON workspace_invitations (workspace_id, created_at);

CREATE TABLE auth_sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX auth_sessions_user_id ON auth_sessions (user_id);
CREATE INDEX auth_sessions_expires_at ON auth_sessions (expires_at);

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
COMMENT ON COLUMN auth_accounts.provider_account_id IS 'The address, trimmed and in lower case.';
COMMENT ON COLUMN auth_accounts.secret IS 'The password''s argon2id hash.';
CREATE INDEX auth_accounts_user_id ON auth_accounts (user_id);

CREATE TABLE auth_refresh_tokens (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES auth_sessions (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT auth_refresh_tokens_token_hash_unique UNIQUE,
    parent_id uuid REFERENCES auth_refresh_tokens (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    first_used_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX auth_refresh_tokens_session_id ON auth_refresh_tokens (session_id, id);
CREATE INDEX auth_refresh_tokens_parent_id ON auth_refresh_tokens (parent_id);

CREATE TABLE auth_verification_codes (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT auth_verification_codes_email_unique UNIQUE,
    code_hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE auth_verification_codes IS 'The last code sent to an address. Asking for one makes no account.';
COMMENT ON COLUMN auth_verification_codes.code_hash IS 'Of address and code under the master key: six digits alone are quickly tried out.';
CREATE INDEX auth_verification_codes_expires_at ON auth_verification_codes (expires_at);

CREATE TABLE auth_rate_limits (
    identifier text PRIMARY KEY,
    full_at timestamptz NOT NULL
);
COMMENT ON TABLE auth_rate_limits IS 'Token buckets of failed sign-ins and of requests for codes; a success deletes the row.';
COMMENT ON COLUMN auth_rate_limits.full_at IS 'From then on the bucket is full and the row means nothing. Every attempt moves it on.';
CREATE INDEX auth_rate_limits_full_at ON auth_rate_limits (full_at);

CREATE TABLE signing_keys (
    id uuid PRIMARY KEY,
    private_key_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE signing_keys IS 'The RSA key of the agents'' tokens (PKCS#8 PEM under the master key); the newest signs.';

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
COMMENT ON COLUMN audit_logs.actor_id IS 'No foreign key: an entry outlives the user.';
CREATE INDEX audit_logs_workspace_timestamp ON audit_logs (workspace_id, "timestamp", id);
