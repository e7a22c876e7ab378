-- Owned by the crate `runtime`.

-- Answers may hold secrets: a visitor's new session token, a new HMAC secret. Those that are kept are of the last day, and
-- their clients have had them.
DELETE FROM sync_requests;
ALTER TABLE sync_requests ALTER COLUMN result TYPE bytea USING result::bytea;
ALTER TABLE sync_requests RENAME COLUMN result TO result_sealed;
COMMENT ON COLUMN sync_requests.result_sealed IS 'The answer as JSON, under the master key.';
