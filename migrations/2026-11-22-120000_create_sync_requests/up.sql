-- Owned by the crate `runtime`.

CREATE TABLE sync_requests (
    session_id uuid NOT NULL,
    request_id bigint NOT NULL,
    ts bigint NOT NULL,
    result text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, request_id)
);
COMMENT ON TABLE sync_requests IS 'Answers of mutations that came over the sync socket, written with the mutation: a client that asks again gets the same answer.';
COMMENT ON COLUMN sync_requests.session_id IS 'Chosen by the client and kept over reconnects.';
COMMENT ON COLUMN sync_requests.ts IS 'The timestamp that the answer carried.';
CREATE INDEX sync_requests_created_at ON sync_requests (created_at);
