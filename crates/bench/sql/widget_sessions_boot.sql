-- The statements of widgetSessions:boot of a new visitor; the workspace's settings come from the cache.
\set n random(0, 9000000000000000000)
BEGIN;
INSERT INTO visitors (id, workspace_id, session_id, readable_id, email, name, external_user_id, location, device, referrer,
                      current_url, custom_attributes, identity_verified, identity_verified_at, first_seen_at, last_seen_at, created_at)
    VALUES ((lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || substr(md5(:n::text), 1, 18) || '10')::uuid,
            :workspace::uuid, 'session_' || md5(:n::text), 'calm-otters-12', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, now(), now(), now())
    ON CONFLICT (workspace_id, session_id) DO UPDATE SET last_seen_at = now()
    RETURNING id, workspace_id, session_id, user_id, readable_id, email, name, external_user_id, location, device, referrer,
              current_url, custom_attributes, first_seen_at, last_seen_at, created_at, identity_verified, identity_verified_at;
INSERT INTO widget_sessions (id, token_hash, visitor_id, workspace_id, identity_verified, client_type, client_version,
                             client_identifier, origin, current_url, device_platform, expires_at, created_at)
    SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '11')::uuid,
           sha256(md5(:n::text)::bytea), id, workspace_id, false, 'web_widget', NULL, NULL, NULL, NULL, NULL,
           now() + interval '1 day', now()
    FROM visitors WHERE workspace_id = :workspace::uuid AND session_id = 'session_' || md5(:n::text);
INSERT INTO audit_logs (id, workspace_id, actor_id, actor_type, action, resource_type, resource_id, metadata, "timestamp")
    VALUES ((lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || substr(md5(random()::text), 1, 18) || '09')::uuid,
            :workspace::uuid, NULL, 'api', 'auth.session.created', 'widgetSession', '01a2030d957171b2bf40d9f37171a210',
            '{"source": "widgetSessions.boot","identityVerified": false}', now());
COMMIT;
