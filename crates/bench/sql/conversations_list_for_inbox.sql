-- The statement of conversations:listForInbox, first page of the open ones, by an agent, who comes from the cache.
SELECT c.id, c.workspace_id, c.visitor_id, c.user_id, c.assigned_agent_id, c.status, c.channel, c.subject, c.created_at,
       c.updated_at, c.last_message_at, c.unread_by_agent, c.unread_by_visitor, c.first_response_at, c.resolved_at,
       c.csat_completed_at, c.csat_response_id, c.ai_workflow_state, c.ai_handoff_reason, c.ai_last_confidence,
       c.ai_last_response_at,
       v.id, v.workspace_id, v.session_id, v.user_id, v.readable_id, v.email, v.name, v.external_user_id, v.location,
       v.device, v.referrer, v.current_url, v.custom_attributes, v.first_seen_at, v.last_seen_at, v.created_at,
       v.identity_verified, v.identity_verified_at,
       m.id, m.conversation_id, m.sender_id, m.sender_user_id, m.sender_type, m.content, m.channel, m.email_metadata,
       m.delivery_status, m.attachment_ids, m.created_at
    FROM conversations c LEFT JOIN visitors v ON c.visitor_id = v.id LEFT JOIN messages m ON c.last_message_id = m.id
    WHERE c.workspace_id = :workspace::uuid AND c.status = 'open'
    ORDER BY c.activity_at DESC, c.id DESC LIMIT 51;
