-- The statements of messages:list by an agent, who comes from the cache.
\set i random(0, :conversations - 1)
SELECT id, workspace_id, visitor_id FROM conversations
    WHERE id = (lpad(to_hex(:first::bigint + :i::bigint), 12, '0') || repeat('0', 18) || '12')::uuid LIMIT 1;
SELECT m.id, m.conversation_id, m.sender_id, m.sender_user_id, m.sender_type, m.content, m.channel, m.email_metadata,
       m.delivery_status, m.attachment_ids, m.created_at, u.name, u.email
    FROM messages m LEFT JOIN users u ON m.sender_user_id = u.id
    WHERE m.conversation_id = (lpad(to_hex(:first::bigint + :i::bigint), 12, '0') || repeat('0', 18) || '12')::uuid
    ORDER BY m.created_at DESC, m.id DESC LIMIT 10000;
