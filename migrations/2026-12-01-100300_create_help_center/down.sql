-- The extension pg_trgm stays: it may have been there before.
DROP TABLE content_embedding_states;
DROP TABLE content_embeddings;
DROP TABLE article_words;
DROP TABLE article_feedback;
DROP TABLE article_assets;
DROP TABLE internal_articles;
DROP TABLE articles;
DROP FUNCTION forget_fragments;
DROP FUNCTION article_search_words;
DROP TABLE collections;
