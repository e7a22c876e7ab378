-- Owned by the crate `help-center`.
--
-- A text of four letters has two trigrams; where both are common, the index on trigrams gives thousands of articles to look
-- through for a few that contain it. An index of all pieces of four characters gives just those.

ALTER TABLE articles ADD COLUMN fragments bigint[];
COMMENT ON COLUMN articles.fragments IS 'Every four characters in a row of title_lower and content_lower, each as one number, mixed with the workspace. Empty where nobody has gathered them: in long articles, and after a change by a program that does not know them.';
-- They do not get smaller, and are looked for by the index alone.
ALTER TABLE articles ALTER COLUMN fragments SET STORAGE EXTERNAL;
ALTER TABLE articles ALTER COLUMN fragments SET STATISTICS 0;

-- As `fragments::of` has it.
CREATE FUNCTION pg_temp.fragments(workspace uuid, text text) RETURNS bigint[] LANGUAGE sql IMMUTABLE
    RETURN (
        SELECT array_agg(DISTINCT key # ('x' || translate(substr(workspace::text, 20), '-', ''))::bit(64)::bigint)
        FROM (
            SELECT (c << 48) # (lead(c, 1) OVER w << 32) # (lead(c, 2) OVER w << 16) # lead(c, 3) OVER w AS key
            FROM (
                SELECT ascii(c)::bigint & 65535 AS c, n FROM string_to_table(text, NULL) WITH ORDINALITY AS each (c, n)
            ) AS characters
            WINDOW w AS (ORDER BY n)
        ) AS pieces
        WHERE key IS NOT NULL
    );
UPDATE articles SET fragments = coalesce(pg_temp.fragments(workspace_id, title_lower || E'\n' || content_lower), '{}')
    WHERE octet_length(title_lower) + octet_length(content_lower) <= 100000;

CREATE INDEX articles_fragments ON articles USING gin (fragments);
CREATE INDEX articles_without_fragments ON articles (workspace_id) WHERE fragments IS NULL;

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
