-- Owned by the crate `admin`.

-- Which actions there are, and the entries of one.
CREATE INDEX audit_logs_workspace_action ON audit_logs (workspace_id, action, "timestamp", id);
-- What one user did. Most entries are of visitors' sessions, which no user did; they stay out.
CREATE INDEX audit_logs_workspace_actor ON audit_logs (workspace_id, actor_id, "timestamp", id)
    WHERE actor_id IS NOT NULL;
