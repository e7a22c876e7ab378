-- The statement of tickets:list, those of one status, by an agent, who comes from the cache.
SELECT t.id, t.workspace_id, t.conversation_id, t.visitor_id, t.subject, t.description, t.status, t.priority, t.assignee_id,
       t.team_id, t.form_id, t.form_data, t.resolution_summary, t.attachment_ids, t.created_at, t.updated_at, t.resolved_at,
       v.id, v.workspace_id, v.session_id, v.user_id, v.readable_id, v.email, v.name, v.external_user_id, v.location,
       v.device, v.referrer, v.current_url, v.custom_attributes, v.first_seen_at, v.last_seen_at, v.created_at,
       v.identity_verified, v.identity_verified_at,
       u.id, u.email, u.name, u.avatar_url, u.workspace_id, u.role, u.created_at
    FROM tickets t LEFT JOIN visitors v ON t.visitor_id = v.id LEFT JOIN users u ON t.assignee_id = u.id
    WHERE t.workspace_id = :workspace::uuid AND t.status = 'in_progress'
    ORDER BY t.created_at DESC, t.id DESC LIMIT 1000;
