DROP TABLE article_feedback;
DROP TABLE article_assets;
DROP TABLE internal_articles;
DROP TABLE articles;
DROP TABLE collections;
