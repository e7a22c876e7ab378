-- The statements of messages:send by an agent, who comes from the cache.
\set i random(0, :conversations - 1)
BEGIN;
SELECT id, workspace_id, visitor_id, last_message_at, last_message_id FROM conversations
    WHERE id = (lpad(to_hex(:first::bigint + :i::bigint), 12, '0') || repeat('0', 18) || '12')::uuid LIMIT 1 FOR UPDATE;
INSERT INTO messages (id, workspace_id, conversation_id, sender_id, sender_user_id, sender_type, content, attachment_ids, created_at)
    VALUES ((lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '13')::uuid, :workspace::uuid,
            (lpad(to_hex(:first::bigint + :i::bigint), 12, '0') || repeat('0', 18) || '12')::uuid,
            '01a2030d957171b2bf40d9f37171a202', '01a2030d957171b2bf40d9f37171a202', 'agent',
            'You find it under Settings, Billing, Address.', NULL, now());
UPDATE conversations SET updated_at = now(), last_message_at = now(), last_message_id = '01a2030d957171b2bf40d9f37171a213',
        unread_by_visitor = coalesce(unread_by_visitor, 0) + 1, first_response_at = coalesce(first_response_at, now())
    WHERE id = (lpad(to_hex(:first::bigint + :i::bigint), 12, '0') || repeat('0', 18) || '12')::uuid;
INSERT INTO jobs (id, kind, payload, state, run_at, dedupe_key, created_at)
    VALUES ((lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || 'f2')::uuid,
            'inbox.notify_new_message',
            '{"conversationId":"018bcfe56800000000000000000000012","messageContent":"You find it under Settings, Billing, Address.","senderType":"agent","messageId":"01a2030d957171b2bf40d9f37171a213","senderId":"01a2030d957171b2bf40d9f37171a202","sentAt":1795347551601.0,"channel":"chat"}',
            'ready', now(), NULL, now())
    ON CONFLICT DO NOTHING;
COMMIT;
