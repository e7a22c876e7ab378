-- Articles of a hundred words each: a third of their words are among the 300 common ones, the rest among 20 000.
CREATE OR REPLACE FUNCTION pg_temp.word(n integer) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN substr(translate(md5((n + 1)::text), '0123456789', 'ghijklmnop'), 1, 4 + (n + 1) % 7);
INSERT INTO articles (id, workspace_id, title, slug, content, content_html, title_lower, content_lower, visibility, status,
                      sort_order, created_at, updated_at)
SELECT gen_random_uuid(), :workspace, title, 'generated-' || n, content, '', title, content, 'public', 'published', n,
       now() - n * interval '1 minute', now() - n * interval '1 minute'
FROM (SELECT n, 'how to ' || pg_temp.word(n * 7 % 20000) || ' ' || pg_temp.word(n * 13 % 500) AS title,
             (SELECT string_agg(pg_temp.word(CASE WHEN k % 3 = 0 THEN (n * 31 + k * 97) % 300
                                                  ELSE (n * 17 + k * 7919) % 20000 END), ' ')
              FROM generate_series(1, 100) k) AS content
      FROM generate_series(:from, :to) n) AS generated;
INSERT INTO article_words (workspace_id, word)
    SELECT DISTINCT :workspace, pg_temp.word(n) FROM generate_series(0, 19999) n ON CONFLICT DO NOTHING;
