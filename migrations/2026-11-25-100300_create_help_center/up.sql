-- Owned by the crate `help-center`.

CREATE TABLE collections (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name text NOT NULL,
    slug text NOT NULL,
    description text,
    icon text,
    parent_id uuid CONSTRAINT collections_parent_exists REFERENCES collections (id),
    import_source_id uuid,
    import_path text,
    sort_order double precision NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT collections_workspace_slug_unique UNIQUE (workspace_id, slug)
);
CREATE INDEX collections_in_order ON collections (workspace_id, sort_order, created_at, id);
CREATE INDEX collections_parent_id ON collections (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX collections_import_source
    ON collections (import_source_id, import_path) WHERE import_source_id IS NOT NULL;

CREATE TABLE articles (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    collection_id uuid CONSTRAINT articles_collection_exists REFERENCES collections (id),
    folder_id uuid,
    title text NOT NULL,
    slug text NOT NULL,
    content text NOT NULL,
    content_html text NOT NULL,
    title_lower text NOT NULL,
    content_lower text NOT NULL,
    widget_large_screen boolean,
    visibility text CONSTRAINT articles_visibility_is_known CHECK (visibility IN ('public', 'internal')),
    status text NOT NULL CONSTRAINT articles_status_is_known CHECK (status IN ('draft', 'published', 'archived')),
    is_readable boolean NOT NULL
        GENERATED ALWAYS AS (status = 'published' AND visibility IS DISTINCT FROM 'internal') STORED,
    sort_order double precision NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_at timestamptz,
    author_id uuid,
    audience_rules jsonb,
    import_source_id uuid,
    import_path text,
    tags text[],
    legacy_internal_article_id uuid,
    legacy_folder_id uuid,
    CONSTRAINT articles_workspace_slug_unique UNIQUE (workspace_id, slug)
);
COMMENT ON COLUMN articles.content IS 'Markdown.';
COMMENT ON COLUMN articles.content_html IS 'The content as HTML, made safe when it was written.';
COMMENT ON COLUMN articles.content_lower IS 'In lower case by the rules of Unicode, whatever the locale of the database.';
COMMENT ON COLUMN articles.is_readable IS 'Whether everyone may read it.';
CREATE INDEX articles_by_change ON articles (workspace_id, updated_at DESC, created_at, id);
CREATE INDEX articles_by_status ON articles (workspace_id, status, updated_at DESC);
CREATE INDEX articles_by_visibility ON articles (workspace_id, visibility, updated_at DESC);
CREATE INDEX articles_readable ON articles (workspace_id, sort_order, created_at, id) WHERE is_readable;
CREATE INDEX articles_readable_by_age ON articles (workspace_id, created_at, id) WHERE is_readable;
CREATE INDEX articles_readable_by_change ON articles (workspace_id, updated_at DESC, created_at, id) WHERE is_readable;
CREATE INDEX articles_readable_slug ON articles (slug) WHERE is_readable;
-- Counts of collections, and the place of a new article in its collection.
CREATE INDEX articles_shelves ON articles (workspace_id, collection_id, sort_order) INCLUDE (is_readable);
CREATE INDEX articles_collection_id ON articles (collection_id) WHERE collection_id IS NOT NULL;
CREATE INDEX articles_import_source ON articles (import_source_id, import_path) WHERE import_source_id IS NOT NULL;
CREATE UNIQUE INDEX articles_legacy_internal_article_id
    ON articles (legacy_internal_article_id) WHERE legacy_internal_article_id IS NOT NULL;
CREATE INDEX articles_folder_id ON articles (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX articles_legacy_folder_id ON articles (legacy_folder_id) WHERE legacy_folder_id IS NOT NULL;

CREATE TABLE internal_articles (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    folder_id uuid,
    title text NOT NULL,
    content text NOT NULL,
    status text NOT NULL
        CONSTRAINT internal_articles_status_is_known CHECK (status IN ('draft', 'published', 'archived')),
    author_id uuid,
    tags text[],
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_at timestamptz
);
COMMENT ON TABLE internal_articles IS 'The older home of internal articles. Nothing inserts here any more; imported data may.';
CREATE INDEX internal_articles_by_change ON internal_articles (workspace_id, updated_at DESC);

CREATE TABLE article_assets (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    article_id uuid REFERENCES articles (id) ON DELETE SET NULL,
    import_source_id uuid,
    import_path text,
    file_id uuid NOT NULL,
    file_name text NOT NULL,
    mime_type text NOT NULL,
    size bigint NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE article_assets IS 'Pictures in articles, which name them as oc-asset://<id>.';
CREATE INDEX article_assets_workspace ON article_assets (workspace_id, created_at DESC);
CREATE INDEX article_assets_article_id ON article_assets (article_id) WHERE article_id IS NOT NULL;
CREATE INDEX article_assets_import_source
    ON article_assets (import_source_id, import_path) WHERE import_source_id IS NOT NULL;

CREATE TABLE article_feedback (
    id uuid PRIMARY KEY,
    article_id uuid NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    helpful boolean NOT NULL,
    visitor_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT article_feedback_one_voice UNIQUE (article_id, visitor_id)
);
CREATE INDEX article_feedback_counts ON article_feedback (article_id, helpful);
