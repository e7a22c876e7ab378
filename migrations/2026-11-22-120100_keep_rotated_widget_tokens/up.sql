-- Owned by the crate `inbox`.

ALTER TABLE widget_sessions ADD COLUMN replaced_token_hash bytea, ADD COLUMN replaced_at timestamptz;
COMMENT ON COLUMN widget_sessions.replaced_token_hash IS 'The token before the last rotation: open live queries may rest on it for a moment longer, new calls may not.';
CREATE INDEX widget_sessions_replaced_token_hash ON widget_sessions (replaced_token_hash) WHERE replaced_token_hash IS NOT NULL;
