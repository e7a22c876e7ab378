-- Owned by the crate `inbox`.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE snippets (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name text COLLATE "en-x-icu" NOT NULL,
    content text NOT NULL,
    shortcut text,
    folder_id uuid,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    search_text text NOT NULL GENERATED ALWAYS AS (
        lower(name) || E'\x1f' || lower(COALESCE(shortcut, '') COLLATE "en-x-icu") || E'\x1f'
            || lower(content COLLATE "en-x-icu")
    ) STORED
);
COMMENT ON COLUMN snippets.name IS 'Compared as people expect it, which is the order of the list.';
COMMENT ON COLUMN snippets.folder_id IS 'A folder of the help center, without a foreign key: the table is another context''s.';
COMMENT ON COLUMN snippets.search_text IS 'Everything that a search looks at; the separator is no text that people write.';
CREATE INDEX snippets_by_name ON snippets (workspace_id, name, created_at, id);
CREATE INDEX snippets_by_creation ON snippets (workspace_id, created_at, id);
CREATE UNIQUE INDEX snippets_shortcut ON snippets (workspace_id, shortcut) WHERE shortcut <> '';
CREATE INDEX snippets_folder ON snippets (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX snippets_search ON snippets USING gin (search_text gin_trgm_ops);

CREATE TABLE tags (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name text NOT NULL,
    color text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tags_workspace_name_unique UNIQUE (workspace_id, name)
);
COMMENT ON TABLE tags IS 'What refers to a tag goes with it.';
CREATE INDEX tags_by_creation ON tags (workspace_id, created_at, id);

CREATE TABLE conversation_tags (
    id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    tag_id uuid NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    applied_by text
        CONSTRAINT conversation_tags_applied_by_is_known CHECK (applied_by IN ('manual', 'auto')),
    applied_by_user_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT conversation_tags_conversation_tag_unique UNIQUE (conversation_id, tag_id)
);
CREATE INDEX conversation_tags_tag ON conversation_tags (tag_id);
CREATE INDEX conversation_tags_by_creation ON conversation_tags (conversation_id, created_at, id);
