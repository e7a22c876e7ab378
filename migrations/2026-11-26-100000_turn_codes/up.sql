-- Owned by the crate `help-center`.
--
-- Codes are the signs of vectors that were turned first, which no statement can make of those that are there. So vectors
-- are made anew, by the job that makes them after publishing.

DELETE FROM content_embeddings;
COMMENT ON COLUMN content_embeddings.code IS 'The signs of the vector once it is turned, a bit each: what nearest neighbours are looked for by.';
INSERT INTO jobs (id, kind, payload, state, run_at, created_at)
    SELECT overlay(gen_random_uuid()::text PLACING 'f2' FROM 35)::uuid, 'help_center.generate_embeddings',
           jsonb_build_object('content', jsonb_build_object(
               'workspaceId', replace(workspace_id::text, '-', ''), 'contentType', content_type, 'contentId', content_id)),
           'ready', now(), now()
    FROM content_embedding_states;
UPDATE content_embedding_states SET status = 'pending', error = NULL, updated_at = now();
