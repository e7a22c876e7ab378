DROP TABLE content_embedding_states;
DROP TABLE content_embeddings;
