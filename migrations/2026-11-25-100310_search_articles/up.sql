-- Owned by the crate `help-center`.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Immutable although the look-up of a language by its name is not: the languages of a server stay what they are. Longer
-- texts would not fit the type. The workspace is one of the words, so that a search reads its own workspace's alone.
CREATE FUNCTION article_search_words(workspace uuid, language text, title text, content text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_to_tsvector(ARRAY[workspace::text])
        || setweight(to_tsvector(language::regconfig, left(title, 1000)), 'A')
        || setweight(to_tsvector(language::regconfig, left(content, 200000)), 'D');

ALTER TABLE articles
    ADD COLUMN search_language text NOT NULL DEFAULT 'english',
    ADD COLUMN search_words tsvector NOT NULL
        GENERATED ALWAYS AS (article_search_words(workspace_id, search_language, title, content)) STORED;
COMMENT ON COLUMN articles.search_language IS 'Whose word forms search_words has; when the setting changes, a job brings rows up to it.';
CREATE INDEX articles_search_words ON articles USING gin (search_words);
CREATE INDEX articles_search_language ON articles (search_language);
CREATE INDEX articles_title_trigrams ON articles USING gin (title_lower gin_trgm_ops);
CREATE INDEX articles_content_trigrams ON articles USING gin (content_lower gin_trgm_ops);

CREATE TABLE article_words (
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    word text NOT NULL,
    PRIMARY KEY (workspace_id, word)
);
COMMENT ON TABLE article_words IS 'Words that stand or stood in articles: what a misspelt word may have meant.';
CREATE INDEX article_words_trigrams ON article_words USING gin (word gin_trgm_ops);
