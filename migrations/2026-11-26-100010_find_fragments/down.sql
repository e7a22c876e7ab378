DROP TRIGGER articles_forget_fragments ON articles;
DROP FUNCTION forget_fragments();
ALTER TABLE articles DROP COLUMN fragments;
