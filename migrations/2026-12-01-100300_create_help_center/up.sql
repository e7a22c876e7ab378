-- Tables of the context `help-center`: collections, articles, their search, and embeddings of contents.

-- Trigram indexes of search.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE collections (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    parent_id uuid CONSTRAINT collections_parent_exists REFERENCES collections (id),
    name text NOT NULL,
    slug text NOT NULL,
    description text,
    icon text,
    sort_order double precision NOT NULL,
    import_source_id uuid,
    import_path text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT collections_workspace_slug_unique UNIQUE (workspace_id, slug)
);
COMMENT ON TABLE collections IS 'Owner: help-center. The tree of collections that articles are filed in.';
CREATE INDEX collections_in_order ON collections (workspace_id, sort_order, created_at, id);
CREATE INDEX collections_parent_id ON collections (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX collections_import_source
    ON collections (import_source_id, import_path) WHERE import_source_id IS NOT NULL;

-- Declared immutable although looking up a text search configuration by name is not, because a generated column needs it;
-- the configurations of a server do not change. The lengths keep the result below the size limit of tsvector. The workspace
-- is one of the lexemes, so that a search scans the entries of its own workspace only.
CREATE FUNCTION article_search_words(workspace uuid, language text, title text, content text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_to_tsvector(ARRAY[workspace::text])
        || setweight(to_tsvector(language::regconfig, left(title, 1000)), 'A')
        || setweight(to_tsvector(language::regconfig, left(content, 200000)), 'D');

CREATE TABLE articles (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    collection_id uuid CONSTRAINT articles_collection_exists REFERENCES collections (id),
    folder_id uuid,
    author_id uuid,
    title text NOT NULL,
    slug text NOT NULL,
    content text NOT NULL,
    content_html text NOT NULL,
    title_lower text NOT NULL,
    content_lower text NOT NULL,
    fragments bigint[],
    search_language text NOT NULL DEFAULT 'english',
    search_words tsvector NOT NULL
        GENERATED ALWAYS AS (article_search_words(workspace_id, search_language, title, content)) STORED,
    tags text[],
    widget_large_screen boolean,
    visibility text CONSTRAINT articles_visibility_is_known CHECK (visibility IN ('public', 'internal')),
    status text NOT NULL CONSTRAINT articles_status_is_known CHECK (status IN ('draft', 'published', 'archived')),
    is_readable boolean NOT NULL
        GENERATED ALWAYS AS (status = 'published' AND visibility IS DISTINCT FROM 'internal') STORED,
    audience_rules jsonb,
    sort_order double precision NOT NULL,
    import_source_id uuid,
    import_path text,
    legacy_internal_article_id uuid,
    legacy_folder_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_at timestamptz,
    CONSTRAINT articles_workspace_slug_unique UNIQUE (workspace_id, slug)
);
COMMENT ON TABLE articles IS 'Owner: help-center. Public and internal articles.';
COMMENT ON COLUMN articles.content IS 'Markdown.';
COMMENT ON COLUMN articles.content_html IS 'The content as sanitised HTML, rendered when the article is written.';
COMMENT ON COLUMN articles.content_lower IS 'In lower case by the rules of Unicode, independent of the locale of the database.';
COMMENT ON COLUMN articles.fragments IS 'Every sequence of four characters in title_lower and content_lower as one number, mixed with the workspace. NULL in long articles, and after a change of the text that did not set it.';
COMMENT ON COLUMN articles.search_language IS 'The text search configuration of search_words. A job updates the rows when the setting changes.';
COMMENT ON COLUMN articles.is_readable IS 'Whether it is published and not internal.';
-- Compression does not make them smaller, and no plan depends on their distribution.
ALTER TABLE articles ALTER COLUMN fragments SET STORAGE EXTERNAL;
ALTER TABLE articles ALTER COLUMN fragments SET STATISTICS 0;
CREATE INDEX articles_by_change ON articles (workspace_id, updated_at DESC, created_at, id);
CREATE INDEX articles_by_status ON articles (workspace_id, status, updated_at DESC);
CREATE INDEX articles_by_visibility ON articles (workspace_id, visibility, updated_at DESC);
CREATE INDEX articles_readable ON articles (workspace_id, sort_order, created_at, id) WHERE is_readable;
CREATE INDEX articles_readable_by_age ON articles (workspace_id, created_at, id) WHERE is_readable;
CREATE INDEX articles_readable_by_change ON articles (workspace_id, updated_at DESC, created_at, id) WHERE is_readable;
CREATE INDEX articles_readable_slug ON articles (slug) WHERE is_readable;
-- Counts the articles of collections, and finds the last sort order in a collection.
CREATE INDEX articles_shelves ON articles (workspace_id, collection_id, sort_order) INCLUDE (is_readable);
CREATE INDEX articles_collection_id ON articles (collection_id) WHERE collection_id IS NOT NULL;
CREATE INDEX articles_folder_id ON articles (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX articles_import_source ON articles (import_source_id, import_path) WHERE import_source_id IS NOT NULL;
CREATE UNIQUE INDEX articles_legacy_internal_article_id
    ON articles (legacy_internal_article_id) WHERE legacy_internal_article_id IS NOT NULL;
CREATE INDEX articles_legacy_folder_id ON articles (legacy_folder_id) WHERE legacy_folder_id IS NOT NULL;
CREATE INDEX articles_search_words ON articles USING gin (search_words);
CREATE INDEX articles_search_language ON articles (search_language);
CREATE INDEX articles_title_trigrams ON articles USING gin (title_lower gin_trgm_ops);
CREATE INDEX articles_content_trigrams ON articles USING gin (content_lower gin_trgm_ops);
-- A text of four characters has two trigrams. Where both are common, the trigram indexes return thousands of articles to
-- recheck for a few matches; this index returns the matches only.
CREATE INDEX articles_fragments ON articles USING gin (fragments);
CREATE INDEX articles_without_fragments ON articles (workspace_id) WHERE fragments IS NULL;

-- Resets fragments after a change of the text by a program that does not know the column, so that a search never misses an
-- article because of stale fragments.
CREATE FUNCTION forget_fragments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.fragments := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER articles_forget_fragments BEFORE UPDATE ON articles FOR EACH ROW
    WHEN ((OLD.title_lower, OLD.content_lower) IS DISTINCT FROM (NEW.title_lower, NEW.content_lower)
          AND OLD.fragments IS NOT DISTINCT FROM NEW.fragments)
    EXECUTE FUNCTION forget_fragments();

CREATE TABLE internal_articles (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    folder_id uuid,
    author_id uuid,
    title text NOT NULL,
    content text NOT NULL,
    tags text[],
    status text NOT NULL
        CONSTRAINT internal_articles_status_is_known CHECK (status IN ('draft', 'published', 'archived')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_at timestamptz
);
COMMENT ON TABLE internal_articles IS 'Owner: help-center. Internal articles of older data. The server inserts none; an import may.';
CREATE INDEX internal_articles_by_change ON internal_articles (workspace_id, updated_at DESC);

CREATE TABLE article_assets (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    article_id uuid REFERENCES articles (id) ON DELETE SET NULL,
    created_by uuid,
    file_id uuid NOT NULL,
    file_name text NOT NULL,
    mime_type text NOT NULL,
    size bigint NOT NULL,
    import_source_id uuid,
    import_path text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE article_assets IS 'Owner: help-center. Images of articles, which refer to them as oc-asset://<id>.';
CREATE INDEX article_assets_workspace ON article_assets (workspace_id, created_at DESC);
CREATE INDEX article_assets_article_id ON article_assets (article_id) WHERE article_id IS NOT NULL;
CREATE INDEX article_assets_import_source
    ON article_assets (import_source_id, import_path) WHERE import_source_id IS NOT NULL;

CREATE TABLE article_feedback (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    article_id uuid NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    visitor_id uuid,
    helpful boolean NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT article_feedback_one_voice UNIQUE (article_id, visitor_id)
);
COMMENT ON TABLE article_feedback IS 'Owner: help-center. Whether readers found an article helpful; one row for each visitor and article.';
CREATE INDEX article_feedback_counts ON article_feedback (article_id, helpful);

CREATE TABLE article_words (
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    word text NOT NULL,
    PRIMARY KEY (workspace_id, word)
);
COMMENT ON TABLE article_words IS 'Owner: help-center. Words of present and past articles: candidates for the correction of a misspelt search.';
CREATE INDEX article_words_trigrams ON article_words USING gin (word gin_trgm_ops);

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
COMMENT ON TABLE content_embeddings IS 'Owner: help-center. Embeddings of contents, one row per chunk. Rows are replaced, never updated.';
COMMENT ON COLUMN content_embeddings.model IS 'The model of the vector; vectors of different models are not comparable.';
COMMENT ON COLUMN content_embeddings.code IS 'The signs of the rotated vector, one bit each, by which nearest neighbours are searched.';
-- Random floats do not compress.
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
COMMENT ON TABLE content_embedding_states IS 'Owner: help-center. The state of the embeddings of each published content, for operators.';
CREATE INDEX content_embedding_states_workspace ON content_embedding_states (workspace_id, status);
