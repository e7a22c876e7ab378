DROP TABLE article_words;
DROP INDEX articles_content_trigrams;
DROP INDEX articles_title_trigrams;
ALTER TABLE articles DROP COLUMN search_words, DROP COLUMN search_language;
DROP FUNCTION article_search_words;
