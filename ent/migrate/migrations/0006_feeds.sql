-- Feeds: for each person, what has changed for them, the latest change last. Of a subject only the last change is
-- kept, so that a week away is as many rows as things that changed. What changed is not in them: it is read when it
-- is shown. Not entities of ent, because nobody asks for them: they are delivered by the person's stream alone.

-- A feed's head. Whoever takes a number holds the row until the commit.
CREATE TABLE "feeds" (
  "account_id" uuid PRIMARY KEY REFERENCES "accounts" ON DELETE CASCADE,
  "seq" bigint NOT NULL DEFAULT 0,
  "floor_seq" bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE TABLE "feed_entries" (
  "account_id" uuid NOT NULL REFERENCES "feeds" ON DELETE CASCADE,
  "subject_id" uuid NOT NULL,
  -- What kind of thing the subject is, such as conversation.
  "kind" text NOT NULL,
  "seq" bigint NOT NULL,
  "at" timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY ("account_id", "subject_id")
);
CREATE UNIQUE INDEX "feed_entries_seq" ON "feed_entries" ("account_id", "seq");
-- For the retention.
CREATE INDEX "feed_entries_at" ON "feed_entries" ("at");

-- Writes changes to any number of feeds and answers the numbers they got. The heads are locked in the order of
-- the accounts' ids, so that two calls can't wait for each other.
CREATE FUNCTION write_feeds(p_account uuid[], p_kind text[], p_subject uuid[])
RETURNS TABLE (account_id uuid, seq bigint, kind text, subject_id uuid) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO feeds (account_id)
  SELECT a.id FROM (SELECT DISTINCT unnest(p_account) AS id) i JOIN accounts a ON a.id = i.id
  WHERE NOT EXISTS (SELECT 1 FROM feeds f WHERE f.account_id = a.id)
  ORDER BY a.id ON CONFLICT DO NOTHING;
  PERFORM 1 FROM feeds f WHERE f.account_id = ANY (p_account) ORDER BY f.account_id FOR NO KEY UPDATE;
  RETURN QUERY
  WITH input AS (
    SELECT DISTINCT ON (i.account_id, i.subject_id) i.account_id, i.kind, i.subject_id, i.n
    FROM unnest(p_account, p_kind, p_subject) WITH ORDINALITY AS i (account_id, kind, subject_id, n)
    ORDER BY i.account_id, i.subject_id, i.n DESC
  ), numbered AS MATERIALIZED (
    SELECT i.*, row_number() OVER (PARTITION BY i.account_id ORDER BY i.n) AS step FROM input i
  ), heads AS (
    UPDATE feeds f SET seq = f.seq + c.steps
    FROM (SELECT account_id, count(*) AS steps FROM numbered GROUP BY account_id) c
    WHERE f.account_id = c.account_id
    RETURNING f.account_id, f.seq - c.steps AS base
  )
  INSERT INTO feed_entries AS e (account_id, subject_id, kind, seq)
  SELECT n.account_id, n.subject_id, n.kind, h.base + n.step
  FROM numbered n JOIN heads h ON h.account_id = n.account_id
  ORDER BY n.account_id, n.subject_id
  ON CONFLICT (account_id, subject_id) DO UPDATE SET kind = excluded.kind, seq = excluded.seq, at = now()
  RETURNING e.account_id, e.seq, e.kind, e.subject_id;
END $$;
