DELETE FROM content_embeddings;
COMMENT ON COLUMN content_embeddings.code IS 'The signs of the vector, a bit each: what nearest neighbours are looked for by.';
