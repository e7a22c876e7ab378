-- The statements of a mail from a new sender without any thread: config, mail, visitor, subject, conversation, message, thread.
\set r random(0, 1000000000000)
SELECT id, workspace_id, forwarding_address, from_name, from_email, signature, enabled, created_at, updated_at
    FROM email_configs WHERE forwarding_address IN (SELECT forwarding_address FROM email_configs WHERE workspace_id = :workspace::uuid);
BEGIN;
INSERT INTO inbound_emails (id, workspace_id, message_id, sender, subject, outcome, created_at)
    VALUES ((lpad(to_hex(:r::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '20')::uuid, :workspace::uuid,
            '<' || md5(random()::text) || '@example.org>', 'Ada <' || :r || '@example.org>', 'Where is my order?', 'stored', now())
    ON CONFLICT DO NOTHING;
SELECT pg_advisory_xact_lock(hashtextextended('ada' || :r, 0));
SELECT id FROM visitors WHERE workspace_id = :workspace::uuid AND lower(email) = :r || '@example.org' AND email IS NOT NULL
    ORDER BY created_at, id LIMIT 1;
INSERT INTO visitors (id, workspace_id, session_id, readable_id, email, created_at)
    VALUES ((lpad(to_hex(:r::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '10')::uuid, :workspace::uuid,
            md5(random()::text), 'calm-otter-1', md5(random()::text) || '@example.org', now()) RETURNING id;
SELECT c.id FROM email_threads e JOIN conversations c ON c.id = e.conversation_id
    WHERE e.workspace_id = :workspace::uuid AND e.sender_email = :r || '@example.org'
    AND md5(e.normalized_subject) = md5('where is my order') ORDER BY e.created_at, e.id LIMIT 1;
INSERT INTO conversations (id, workspace_id, status, channel, subject, created_at, updated_at)
    VALUES ((lpad(to_hex(:r::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '12')::uuid, :workspace::uuid, 'open',
            'email', 'Where is my order?', now(), now()) RETURNING id;
INSERT INTO messages (id, workspace_id, conversation_id, sender_id, sender_type, content, channel, email_metadata, created_at)
    SELECT (lpad(to_hex(:r::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '13')::uuid, workspace_id, id,
           '01a2030d957171b2bf40d9f37171a210', 'visitor', 'Hello, my order has not arrived yet. Ada', 'email',
           jsonb_build_object('subject', 'Where is my order?', 'messageId', md5(random()::text)), now()
    FROM conversations WHERE workspace_id = :workspace::uuid ORDER BY created_at DESC, id DESC LIMIT 1;
INSERT INTO email_threads (id, workspace_id, conversation_id, message_id, subject, normalized_subject, sender_email, is_inbound, created_at)
    VALUES ((lpad(to_hex(:r::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '1f')::uuid, :workspace::uuid,
            '018bcfe5-6800-0000-0000-000000000012', md5(random()::text), 'Where is my order?', 'where is my order?',
            :r || '@example.org', true, now());
INSERT INTO jobs (id, kind, payload, state, run_at, dedupe_key, created_at)
    VALUES ((lpad(to_hex(:r::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || 'f2')::uuid, 'inbox.notify_new_message',
            '{"conversationId":"018bcfe56800000000000000000000012","messageContent":"Hello, my order has not arrived yet. Ada"}',
            'ready', now(), NULL, now()) ON CONFLICT DO NOTHING;
COMMIT;
