DELETE FROM sync_requests;
COMMENT ON COLUMN sync_requests.result_sealed IS NULL;
ALTER TABLE sync_requests RENAME COLUMN result_sealed TO result;
ALTER TABLE sync_requests ALTER COLUMN result TYPE text USING '';
