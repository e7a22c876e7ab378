-- Owned by the crate `inbox`.

CREATE TABLE ticket_forms (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name text NOT NULL,
    description text,
    fields jsonb NOT NULL,
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ticket_forms_workspace_id ON ticket_forms (workspace_id, created_at, id);
CREATE UNIQUE INDEX ticket_forms_one_default ON ticket_forms (workspace_id) WHERE is_default;

CREATE TABLE tickets (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    conversation_id uuid,
    visitor_id uuid,
    subject text NOT NULL,
    description text,
    status text NOT NULL
        CONSTRAINT tickets_status_is_known
        CHECK (status IN ('submitted', 'in_progress', 'waiting_on_customer', 'resolved')),
    priority text NOT NULL
        CONSTRAINT tickets_priority_is_known CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    assignee_id uuid,
    team_id text,
    form_id uuid REFERENCES ticket_forms (id),
    form_data jsonb,
    resolution_summary text,
    attachment_ids uuid[],
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    resolved_at timestamptz
);
COMMENT ON COLUMN tickets.conversation_id IS 'The conversation that became this ticket.';
CREATE INDEX tickets_workspace ON tickets (workspace_id, created_at DESC, id DESC);
CREATE INDEX tickets_workspace_status ON tickets (workspace_id, status, created_at DESC, id DESC);
CREATE INDEX tickets_workspace_assignee ON tickets (workspace_id, assignee_id, created_at DESC, id DESC);
CREATE INDEX tickets_workspace_assignee_status
    ON tickets (workspace_id, assignee_id, status, created_at DESC, id DESC);
CREATE INDEX tickets_visitor ON tickets (visitor_id, created_at DESC, id DESC) WHERE visitor_id IS NOT NULL;
CREATE UNIQUE INDEX tickets_conversation ON tickets (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX tickets_form ON tickets (form_id) WHERE form_id IS NOT NULL;

CREATE TABLE ticket_comments (
    id uuid PRIMARY KEY,
    ticket_id uuid NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    author_id text NOT NULL,
    author_type text NOT NULL
        CONSTRAINT ticket_comments_author_type_is_known CHECK (author_type IN ('agent', 'visitor', 'system')),
    content text NOT NULL,
    is_internal boolean NOT NULL,
    attachment_ids uuid[],
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN ticket_comments.is_internal IS 'Members alone see it.';
CREATE INDEX ticket_comments_ticket ON ticket_comments (ticket_id, created_at, id);

ALTER TABLE support_attachments ADD COLUMN ticket_id uuid, ADD COLUMN ticket_comment_id uuid;
CREATE INDEX support_attachments_ticket_id ON support_attachments (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX support_attachments_ticket_comment_id
    ON support_attachments (ticket_comment_id) WHERE ticket_comment_id IS NOT NULL;

CREATE TABLE notification_events (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    event_key text NOT NULL,
    event_type text NOT NULL,
    domain text NOT NULL
        CONSTRAINT notification_events_domain_is_known CHECK (domain IN ('chat', 'ticket', 'outbound', 'campaign')),
    audience text NOT NULL
        CONSTRAINT notification_events_audience_is_known CHECK (audience IN ('agent', 'visitor', 'both')),
    actor_type text NOT NULL
        CONSTRAINT notification_events_actor_type_is_known
        CHECK (actor_type IN ('agent', 'visitor', 'bot', 'system')),
    actor_user_id uuid,
    actor_visitor_id uuid,
    ticket_id uuid,
    title text,
    body_preview text,
    data jsonb,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE notification_events IS 'What people may have to be told of by push.';
CREATE INDEX notification_events_workspace ON notification_events (workspace_id, created_at, id);

CREATE TABLE notification_dedupe_keys (
    dedupe_key text PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES notification_events (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE notification_dedupe_keys IS 'One attempt for each event, recipient and channel.';
CREATE INDEX notification_dedupe_keys_event ON notification_dedupe_keys (event_id);

CREATE TABLE notification_deliveries (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    event_id uuid REFERENCES notification_events (id) ON DELETE CASCADE,
    event_key text NOT NULL,
    dedupe_key text NOT NULL,
    channel text NOT NULL
        CONSTRAINT notification_deliveries_channel_is_known CHECK (channel IN ('push', 'email', 'web', 'widget')),
    recipient_type text NOT NULL
        CONSTRAINT notification_deliveries_recipient_type_is_known CHECK (recipient_type IN ('agent', 'visitor')),
    user_id uuid,
    visitor_id uuid,
    token_count integer,
    status text NOT NULL
        CONSTRAINT notification_deliveries_status_is_known CHECK (status IN ('delivered', 'suppressed', 'failed')),
    reason text,
    error text,
    metadata jsonb,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE notification_deliveries IS 'What became of each recipient of an event.';
CREATE INDEX notification_deliveries_event ON notification_deliveries (event_id);
CREATE INDEX notification_deliveries_workspace ON notification_deliveries (workspace_id, created_at, id);
