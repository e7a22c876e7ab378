-- Owned by the crate `runtime`.

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
COMMENT ON TABLE jobs IS 'Work to do after a commit. A finished job is deleted; a dead one waits for an operator.';
COMMENT ON COLUMN jobs.run_at IS 'Due from then on. Claiming a job moves it on by a lease, so that a crashed worker''s job comes back.';
COMMENT ON COLUMN jobs.dedupe_key IS 'At most one job with this key waits at a time.';
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'ready';
CREATE UNIQUE INDEX jobs_dedupe_key ON jobs (dedupe_key) WHERE dedupe_key IS NOT NULL AND state = 'ready';

CREATE TABLE schedules (
    name text PRIMARY KEY,
    next_run_at timestamptz NOT NULL
);
COMMENT ON TABLE schedules IS 'When each periodic job is due next; one row for all replicas.';

CREATE TABLE stored_files (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    size bigint NOT NULL,
    content_type text NOT NULL,
    sha256 text NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE stored_files IS 'Files in the file store; the bytes lie there under the id.';

CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL CONSTRAINT uploads_token_hash_unique UNIQUE,
    workspace_id uuid NOT NULL,
    uploader text NOT NULL,
    max_bytes bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    file_id uuid REFERENCES stored_files (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE uploads IS 'Upload addresses that were given out, each good for one file.';
COMMENT ON COLUMN uploads.uploader IS 'Who may turn the file into something: a visitor''s or a user''s id.';
CREATE UNIQUE INDEX uploads_file_id ON uploads (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX uploads_uploader ON uploads (uploader);
CREATE INDEX uploads_expires_at ON uploads (expires_at);
