-- Owned by the crate `inbox`.

CREATE TABLE visitors (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    session_id text NOT NULL,
    user_id uuid,
    readable_id text,
    email text,
    name text,
    external_user_id text,
    location jsonb,
    device jsonb,
    referrer text,
    current_url text,
    custom_attributes jsonb,
    first_seen_at timestamptz,
    last_seen_at timestamptz,
    created_at timestamptz NOT NULL,
    identity_verified boolean,
    identity_verified_at timestamptz,
    CONSTRAINT visitors_workspace_session_unique UNIQUE (workspace_id, session_id)
);
COMMENT ON COLUMN visitors.session_id IS 'Made by the client, one per browser or device. One visitor of a workspace has it.';
COMMENT ON COLUMN visitors.last_seen_at IS 'Last boot, identify or location; heartbeats are in visitor_presence.';
CREATE INDEX visitors_session_id ON visitors (session_id, created_at, id);
CREATE INDEX visitors_workspace_created_at ON visitors (workspace_id, created_at DESC, id DESC);
CREATE INDEX visitors_workspace_email ON visitors (workspace_id, lower(email), created_at, id) WHERE email IS NOT NULL;
CREATE INDEX visitors_workspace_external_user_id
    ON visitors (workspace_id, external_user_id) WHERE external_user_id IS NOT NULL;
CREATE INDEX visitors_workspace_readable_id ON visitors (workspace_id, readable_id);
-- The workspace is one of the words, so that a search reads its own workspace's entries alone. Punctuation becomes
-- space, because the text parser would keep host names, addresses and hyphenated words whole.
CREATE INDEX visitors_name_search
    ON visitors USING gin ((array_to_tsvector(ARRAY[workspace_id::text]) || to_tsvector('simple',
        translate(name, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                '))))
    WHERE name IS NOT NULL;

CREATE TABLE visitor_presence (
    visitor_id uuid PRIMARY KEY REFERENCES visitors (id) ON DELETE CASCADE,
    last_seen_at timestamptz NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE visitor_presence IS 'Heartbeats, apart from the visitor, so that one neither rewrites nor re-runs what reads visitors.';

CREATE TABLE visitor_aliases (
    old_visitor_id uuid PRIMARY KEY,
    visitor_id uuid NOT NULL REFERENCES visitors (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE visitor_aliases IS 'Ids of visitors that were merged away; clients go on sending them.';
CREATE INDEX visitor_aliases_visitor_id ON visitor_aliases (visitor_id);

CREATE TABLE widget_sessions (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL CONSTRAINT widget_sessions_token_hash_unique UNIQUE,
    visitor_id uuid NOT NULL REFERENCES visitors (id) ON DELETE CASCADE,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    identity_verified boolean NOT NULL,
    client_type text,
    client_version text,
    client_identifier text,
    origin text,
    current_url text,
    device_platform text,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX widget_sessions_visitor_id ON widget_sessions (visitor_id);
CREATE INDEX widget_sessions_workspace_created_at ON widget_sessions (workspace_id, created_at DESC);
CREATE INDEX widget_sessions_expires_at ON widget_sessions (expires_at);

CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    visitor_id uuid,
    user_id uuid,
    assigned_agent_id uuid,
    status text NOT NULL CONSTRAINT conversations_status_is_known CHECK (status IN ('open', 'closed', 'snoozed')),
    channel text CONSTRAINT conversations_channel_is_known CHECK (channel IN ('chat', 'email')),
    subject text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_message_at timestamptz,
    last_message_id uuid,
    activity_at timestamptz NOT NULL GENERATED ALWAYS AS (COALESCE(last_message_at, created_at)) STORED,
    unread_by_agent integer,
    unread_by_visitor integer,
    first_response_at timestamptz,
    resolved_at timestamptz,
    csat_completed_at timestamptz,
    csat_response_id uuid,
    ai_workflow_state text
        CONSTRAINT conversations_ai_workflow_state_is_known
        CHECK (ai_workflow_state IN ('none', 'ai_handled', 'handoff')),
    ai_handoff_reason text,
    ai_last_confidence double precision,
    ai_last_response_at timestamptz
);
COMMENT ON COLUMN conversations.last_message_id IS 'The newest message, so that lists find it by key. Written with last_message_at.';
COMMENT ON COLUMN conversations.activity_at IS 'The order of the inbox.';
CREATE INDEX conversations_inbox ON conversations (workspace_id, activity_at DESC, id DESC);
CREATE INDEX conversations_inbox_by_status ON conversations (workspace_id, status, activity_at DESC, id DESC);
CREATE INDEX conversations_inbox_by_ai_state
    ON conversations (workspace_id, ai_workflow_state, activity_at DESC, id DESC)
    WHERE ai_workflow_state IN ('ai_handled', 'handoff');
CREATE INDEX conversations_workspace_created_at ON conversations (workspace_id, created_at DESC, id DESC);
CREATE INDEX conversations_workspace_status_created_at
    ON conversations (workspace_id, status, created_at DESC, id DESC);
CREATE INDEX conversations_visitor ON conversations (visitor_id, activity_at DESC, id DESC);
-- The parent row of a visitor's "one open conversation" is the visitor; this finds the oldest open one.
CREATE INDEX conversations_visitor_open ON conversations (visitor_id, created_at, id) WHERE status = 'open';

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    sender_id text NOT NULL,
    sender_user_id uuid,
    sender_type text NOT NULL
        CONSTRAINT messages_sender_type_is_known CHECK (sender_type IN ('user', 'visitor', 'agent', 'bot')),
    content text NOT NULL,
    channel text CONSTRAINT messages_channel_is_known CHECK (channel IN ('chat', 'email')),
    email_metadata jsonb,
    delivery_status text
        CONSTRAINT messages_delivery_status_is_known
        CHECK (delivery_status IN ('pending', 'sent', 'delivered', 'bounced', 'failed')),
    attachment_ids uuid[],
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN messages.sender_user_id IS 'The sender where it is a user, so that threads find the name by key.';
CREATE INDEX messages_conversation ON messages (conversation_id, created_at, id);

CREATE TABLE mailed_messages (
    message_id uuid PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE mailed_messages IS 'Messages that were told of by mail, the newest of each mail, so that none is told of twice.';

CREATE TABLE support_attachments (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    file_id uuid NOT NULL CONSTRAINT support_attachments_file_unique UNIQUE,
    file_name text NOT NULL,
    mime_type text NOT NULL,
    size bigint NOT NULL,
    status text NOT NULL
        CONSTRAINT support_attachments_status_is_known CHECK (status IN ('staged', 'attached')),
    message_id uuid,
    uploaded_by_type text NOT NULL
        CONSTRAINT support_attachments_uploaded_by_type_is_known CHECK (uploaded_by_type IN ('agent', 'visitor')),
    uploaded_by_id text NOT NULL,
    created_at timestamptz NOT NULL,
    attached_at timestamptz,
    expires_at timestamptz
);
CREATE INDEX support_attachments_message_id ON support_attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX support_attachments_uploader ON support_attachments (uploaded_by_id) WHERE status = 'staged';
CREATE INDEX support_attachments_staged ON support_attachments (expires_at) WHERE status = 'staged';
