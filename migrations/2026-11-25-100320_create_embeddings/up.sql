-- Owned by the crate `help-center`.

CREATE TABLE content_embeddings (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    content_type text NOT NULL
        CONSTRAINT content_embeddings_content_type_is_known
        CHECK (content_type IN ('article', 'internalArticle', 'snippet')),
    content_id text NOT NULL,
    model text NOT NULL,
    embedding real[] NOT NULL,
    code bytea NOT NULL,
    text_hash text NOT NULL,
    title text NOT NULL,
    snippet text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE content_embeddings IS 'One row for each chunk of a content; replaced, never changed.';
COMMENT ON COLUMN content_embeddings.model IS 'Who made the vector; vectors of different models do not compare.';
COMMENT ON COLUMN content_embeddings.code IS 'The signs of the vector, a bit each: what nearest neighbours are looked for by.';
-- Numbers without pattern do not get smaller.
ALTER TABLE content_embeddings ALTER COLUMN embedding SET STORAGE EXTERNAL;
CREATE INDEX content_embeddings_content ON content_embeddings (content_type, content_id);
CREATE INDEX content_embeddings_workspace ON content_embeddings (workspace_id, model, created_at);

CREATE TABLE content_embedding_states (
    content_type text NOT NULL,
    content_id text NOT NULL,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    status text NOT NULL
        CONSTRAINT content_embedding_states_status_is_known CHECK (status IN ('pending', 'ready', 'failed')),
    error text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (content_type, content_id)
);
COMMENT ON TABLE content_embedding_states IS 'How far each published content is with its embeddings, for operators.';
CREATE INDEX content_embedding_states_workspace ON content_embedding_states (workspace_id, status);
