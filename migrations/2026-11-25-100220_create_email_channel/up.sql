-- Owned by the crate `inbox`.

CREATE TABLE email_configs (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL CONSTRAINT email_configs_workspace_unique UNIQUE
        REFERENCES workspaces (id) ON DELETE CASCADE,
    forwarding_address text NOT NULL CONSTRAINT email_configs_forwarding_address_unique UNIQUE,
    from_name text,
    from_email text,
    signature text,
    enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON COLUMN email_configs.forwarding_address IS 'In lower case. Made once, never changed.';

CREATE TABLE email_threads (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    conversation_id uuid NOT NULL,
    message_id text NOT NULL,
    in_reply_to text,
    reference_ids text[],
    subject text NOT NULL,
    normalized_subject text NOT NULL,
    sender_email text NOT NULL,
    is_inbound boolean NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE email_threads IS 'Every mail that was received or sent: by these, later ones find their conversation.';
COMMENT ON COLUMN email_threads.message_id IS 'The header Message-ID, angle brackets included.';
CREATE INDEX email_threads_message_id ON email_threads (workspace_id, message_id, created_at, id);
CREATE INDEX email_threads_sender
    ON email_threads (workspace_id, sender_email, md5(normalized_subject), created_at, id);
CREATE INDEX email_threads_conversation ON email_threads (conversation_id, created_at, id);

CREATE TABLE inbound_emails (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    provider_id text,
    message_id text,
    sender text NOT NULL,
    subject text NOT NULL,
    outcome text NOT NULL
        CONSTRAINT inbound_emails_outcome_is_known CHECK (outcome IN ('stored', 'unreadable', 'dropped')),
    reason text,
    original jsonb,
    raw_file_id uuid,
    conversation_id uuid,
    stored_message_id uuid,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE inbound_emails IS 'Every mail that was taken in, and what became of it; taken in again it changes nothing.';
COMMENT ON COLUMN inbound_emails.reason IS 'Why it was not stored as a message of its sender.';
COMMENT ON COLUMN inbound_emails.original IS 'Text and HTML as they came, where the message does not show all of them.';
COMMENT ON COLUMN inbound_emails.raw_file_id IS 'The mail as it travelled, where it came so.';
CREATE UNIQUE INDEX inbound_emails_message_id ON inbound_emails (workspace_id, message_id) WHERE message_id IS NOT NULL;
CREATE UNIQUE INDEX inbound_emails_provider_id
    ON inbound_emails (workspace_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX inbound_emails_by_outcome ON inbound_emails (workspace_id, outcome, created_at, id);

ALTER TABLE messages ADD COLUMN provider_mail_id text, ADD COLUMN delivery_error text;
COMMENT ON COLUMN messages.provider_mail_id IS 'What the provider that sent it calls the mail.';
COMMENT ON COLUMN messages.delivery_error IS 'Why the last attempt to send it failed, or why it came back.';
CREATE INDEX messages_provider_mail_id ON messages (provider_mail_id) WHERE provider_mail_id IS NOT NULL;
CREATE INDEX messages_email_message_id
    ON messages ((email_metadata ->> 'messageId')) WHERE email_metadata ->> 'messageId' IS NOT NULL;
