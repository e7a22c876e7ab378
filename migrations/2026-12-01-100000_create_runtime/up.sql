-- Tables of the crate `runtime`: jobs, schedules, stored answers and files.

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL CONSTRAINT jobs_state_is_known CHECK (state IN ('ready', 'dead')),
    run_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    dedupe_key text,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE jobs IS 'Owner: runtime. Work to do after a commit. A finished job is deleted; a dead one waits for an operator.';
COMMENT ON COLUMN jobs.run_at IS 'When the job is due. A claim moves it forward by the lease, so that the job of a crashed worker becomes due again.';
COMMENT ON COLUMN jobs.dedupe_key IS 'At most one ready job has this key.';
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'ready';
CREATE UNIQUE INDEX jobs_dedupe_key ON jobs (dedupe_key) WHERE dedupe_key IS NOT NULL AND state = 'ready';

CREATE TABLE schedules (
    name text PRIMARY KEY,
    next_run_at timestamptz NOT NULL
);
COMMENT ON TABLE schedules IS 'Owner: runtime. When each periodic job is due next; one row for all replicas.';

CREATE TABLE sync_requests (
    session_id uuid NOT NULL,
    request_id bigint NOT NULL,
    ts bigint NOT NULL,
    result_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, request_id)
);
COMMENT ON TABLE sync_requests IS 'Owner: runtime. Answers of mutations over the sync socket, written in the mutation''s transaction: a client that repeats a request gets the same answer.';
COMMENT ON COLUMN sync_requests.session_id IS 'Chosen by the client and kept across reconnects.';
COMMENT ON COLUMN sync_requests.ts IS 'The timestamp in the answer.';
COMMENT ON COLUMN sync_requests.result_sealed IS 'The answer as JSON, sealed under the master key: it may hold a secret, such as a session token.';
CREATE INDEX sync_requests_created_at ON sync_requests (created_at);

-- stored_files and uploads have no foreign key to workspaces: a cascade would delete the row of a file and leave its bytes
-- in the file store. The table of another owner is not there yet either.
CREATE TABLE stored_files (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    size bigint NOT NULL,
    content_type text NOT NULL,
    sha256 text NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE stored_files IS 'Owner: runtime. Files in the file store, where the bytes are stored under the id.';

CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    file_id uuid REFERENCES stored_files (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT uploads_token_hash_unique UNIQUE,
    uploader text NOT NULL,
    max_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE uploads IS 'Owner: runtime. Upload addresses, each valid for one file.';
COMMENT ON COLUMN uploads.uploader IS 'The visitor or user who may use the file.';
CREATE UNIQUE INDEX uploads_file_id ON uploads (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX uploads_uploader ON uploads (uploader);
CREATE INDEX uploads_expires_at ON uploads (expires_at);
