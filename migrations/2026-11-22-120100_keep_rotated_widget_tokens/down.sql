ALTER TABLE widget_sessions DROP COLUMN replaced_token_hash, DROP COLUMN replaced_at;
