-- The extension stays: it may have been there before.
DROP TABLE conversation_tags;
DROP TABLE tags;
DROP TABLE snippets;
