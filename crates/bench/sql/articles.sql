-- Articles of a hundred words each: a third of their words are among the 300 common ones, the rest among 20 000.
CREATE TEMP TABLE vocabulary AS
    SELECT array_agg(word ORDER BY n) AS words
    FROM (SELECT n, substr(translate(md5(n::text), '0123456789', 'ghijklmnop'), 1, 4 + n % 7) AS word
          FROM generate_series(1, 20000) n) AS made;
INSERT INTO articles (id, workspace_id, title, slug, content, content_html, title_lower, content_lower, visibility, status,
                      sort_order, created_at, updated_at)
SELECT gen_random_uuid(), :workspace, title, 'generated-' || n, content, '', title, content, 'public', 'published', n,
       now() - n * interval '1 minute', now() - n * interval '1 minute'
FROM (SELECT n, 'how to ' || words[n * 7 % 20000 + 1] || ' ' || words[n * 13 % 500 + 1] AS title,
             (SELECT string_agg(words[CASE WHEN k % 3 = 0 THEN (n * 31 + k * 97) % 300
                                           ELSE (n * 17 + k * 7919) % 20000 END + 1], ' ')
              FROM generate_series(1, 100) k) AS content
      FROM generate_series(:from, :to) n, vocabulary) AS generated;
INSERT INTO article_words (workspace_id, word)
    SELECT DISTINCT :workspace, word FROM vocabulary, unnest(words) AS word ON CONFLICT DO NOTHING;
DROP TABLE vocabulary;
