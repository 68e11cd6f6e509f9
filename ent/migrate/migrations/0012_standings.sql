-- Standings of accounts: deactivated, to be erased, being erased; usernames that are kept for who gave them up; and when a
-- session last proved the password. Nodes from before go on: what they write gets the defaults. They do not know that
-- somebody has hidden, and may let them sign in, until they are replaced.

ALTER TABLE "accounts"
  ADD COLUMN "deactivated_at" timestamptz NULL,
  ADD COLUMN "erase_after" timestamptz NULL,
  ADD COLUMN "erased_at" timestamptz NULL;
CREATE INDEX "account_erase_after" ON "accounts" ("erase_after") WHERE (erase_after IS NOT NULL);

-- Those who are banned already are hidden from now on.
ALTER TABLE "profiles" ADD COLUMN "hidden_at" timestamptz NULL;
UPDATE "profiles" p SET "hidden_at" = a."banned_at" FROM "accounts" a WHERE a."id" = p."id" AND a."banned_at" IS NOT NULL;

-- Sessions from before are asked for the password again: a constant default needs no rewriting of the table. Nodes from
-- before write what signing in means, this very moment.
ALTER TABLE "auth_sessions"
  ADD COLUMN "authenticated_at" timestamptz NOT NULL DEFAULT 'epoch',
  ADD COLUMN "ip_prefix" character varying NOT NULL DEFAULT '';
ALTER TABLE "auth_sessions" ALTER COLUMN "authenticated_at" SET DEFAULT now();

CREATE TABLE "username_reservations" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "name_mac" bytea NOT NULL,
  "account_id" uuid NULL,
  "released_at" timestamptz NULL,
  "ends_at" timestamptz NOT NULL,
  PRIMARY KEY ("id"),
  -- The name stays reserved, from then on for nobody.
  CONSTRAINT "username_reservations_account" FOREIGN KEY ("account_id") REFERENCES "accounts" ON DELETE SET NULL
);
CREATE INDEX "usernamereservation_name_mac" ON "username_reservations" ("name_mac");
CREATE INDEX "usernamereservation_account_id" ON "username_reservations" ("account_id");
CREATE INDEX "usernamereservation_ends_at" ON "username_reservations" ("ends_at");

-- Somebody's messages are found by the index of their keys, and by this one where they have none: together they cost
-- sending nothing. The reference could use neither, and would read all messages for each account that goes; erasing
-- empties the messages before the account goes.
ALTER TABLE "messages" DROP CONSTRAINT "messages_author";
CREATE INDEX "message_author_keyless" ON "messages" ("author_id") WHERE ((idempotency_key IS NULL) AND (author_id IS NOT NULL));

-- What an audit entry says of somebody who is being erased, or gone, may be taken out of it: what was done, by whom, to
-- whom and when stays.
CREATE OR REPLACE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.ends_at <= now() + interval '1 day' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.diff = '{}' AND to_jsonb(NEW) - 'diff' = to_jsonb(OLD) - 'diff' AND OLD.account_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = OLD.account_id AND a.erased_at IS NULL) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'audit entries are not changed, and not removed before their time'
    USING ERRCODE = 'restrict_violation';
END $$;

-- append_messages as before (migrations 0002 and 0005 say how it works). Whoever is hidden sends nothing, and a direct
-- conversation with somebody who is hidden or erased is refused as one behind a block is.
CREATE OR REPLACE FUNCTION append_messages(
  p_id uuid[], p_conversation uuid[], p_author uuid[], p_key text[], p_mac bytea[], p_body text[], p_reply_to uuid[]
) RETURNS TABLE (
  n bigint, outcome text, id uuid, conversation_id uuid, seq bigint, body text, reply_to_id uuid,
  input_mac bytea, created_at timestamptz, edited_at timestamptz, deleted_at timestamptz, version bigint,
  author_username text, author_display_name text
) LANGUAGE plpgsql VOLATILE
-- A batch is small and every table has the index for it. Left to itself the planner now and then keeps a plan
-- that reads a whole index for each batch, and so gets slower as the table grows.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz;
BEGIN
  PERFORM 1 FROM conversations c WHERE c.id = ANY (p_conversation) ORDER BY c.id FOR NO KEY UPDATE;

  moment := clock_timestamp();
  RETURN QUERY
  WITH input AS (
    SELECT * FROM unnest(p_id, p_conversation, p_author, p_key, p_mac, p_body, p_reply_to)
      WITH ORDINALITY AS i (id, conversation_id, author_id, key, mac, body, reply_to_id, n)
  ), judged AS MATERIALIZED (
    SELECT i.*, known.id AS known_id,
      CASE
        WHEN known.id IS NOT NULL THEN 'again'
        WHEN me.id IS NULL OR EXISTS (
          SELECT 1 FROM profiles p WHERE p.id = i.author_id AND p.hidden_at IS NOT NULL
        ) THEN 'no_member'
        WHEN c.kind = 'DIRECT' AND NOT EXISTS (
          SELECT 1 FROM conversation_members other
          JOIN profiles p ON p.id = other.account_id AND p.hidden_at IS NULL
          WHERE other.conversation_id = i.conversation_id AND other.account_id <> i.author_id
            AND NOT EXISTS (
              SELECT 1 FROM blocks b WHERE (b.blocker_id = i.author_id AND b.blocked_id = other.account_id)
                OR (b.blocked_id = i.author_id AND b.blocker_id = other.account_id))
        ) THEN 'blocked'
        WHEN i.reply_to_id IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM messages r
          WHERE r.id = i.reply_to_id AND r.conversation_id = i.conversation_id AND r.seq > me.joined_seq
            AND NOT EXISTS (
              SELECT 1 FROM curtains x
              WHERE x.conversation_id = r.conversation_id
                AND x.lower_id = least(r.author_id, i.author_id) AND x.upper_id = greatest(r.author_id, i.author_id)
                AND x.from_seq < r.seq AND (x.until_seq IS NULL OR x.until_seq > r.seq))
        ) THEN 'no_reply'
        ELSE 'sent'
      END AS outcome
    FROM input i
    LEFT JOIN messages known ON known.author_id = i.author_id AND known.idempotency_key = i.key
    LEFT JOIN conversations c ON c.id = i.conversation_id
    LEFT JOIN conversation_members me ON me.conversation_id = i.conversation_id AND me.account_id = i.author_id
  ), sendable AS (
    -- Of rows with the same key the first that may be sent is: a refused one before it counts for nothing.
    SELECT j.*, first_value(j.n) OVER same AS first_n, first_value(j.mac) OVER same AS first_mac
    FROM judged j WHERE j.outcome = 'sent'
    WINDOW same AS (PARTITION BY j.author_id, coalesce(j.key, j.id::text) ORDER BY j.n)
  ), fresh AS (
    SELECT s.*, row_number() OVER (PARTITION BY s.conversation_id ORDER BY s.n) AS step
    FROM sendable s WHERE s.n = s.first_n
  ), heads AS (
    UPDATE conversations c SET seq = c.seq + f.steps, last_message_at = moment
    FROM (SELECT conversation_id, count(*) AS steps FROM fresh GROUP BY conversation_id) f
    WHERE c.id = f.conversation_id
    RETURNING c.id, c.seq - f.steps AS base
  ), written AS (
    INSERT INTO messages AS m (id, created_at, conversation_id, seq, author_id, idempotency_key, input_mac, body, reply_to_id)
    SELECT f.id, moment, f.conversation_id, h.base + f.step, f.author_id, f.key, f.mac, f.body, f.reply_to_id
    FROM fresh f JOIN heads h ON h.id = f.conversation_id
    ORDER BY f.author_id, f.key
    ON CONFLICT (author_id, idempotency_key) WHERE (idempotency_key IS NOT NULL) DO NOTHING
    RETURNING m.id, m.conversation_id, m.author_id, m.idempotency_key, m.seq, m.body, m.reply_to_id
  ), bursts AS (
    -- The message is its own fact: whoever is interested learns up to which number a conversation has come.
    -- In id order, as the heads.
    INSERT INTO fact_bursts AS b (consumer, partition, kind, subject_id, since, through)
    SELECT i.consumer, fact_partition(w.conversation_id), i.kind, w.conversation_id, w.since, w.through
    FROM (SELECT conversation_id, min(seq) AS since, max(seq) AS through FROM written GROUP BY conversation_id) w
    JOIN fact_interests i ON i.kind = 'message.sent'
    ORDER BY i.consumer, w.conversation_id
    ON CONFLICT (consumer, kind, subject_id, person_id) DO UPDATE SET through = greatest(b.through, excluded.through)
  ), positions AS (
    -- Who writes has read what is above it.
    UPDATE conversation_members cm SET last_read_seq = w.seq
    FROM (SELECT conversation_id, author_id, max(seq) AS seq FROM written GROUP BY conversation_id, author_id) w
    WHERE cm.conversation_id = w.conversation_id AND cm.account_id = w.author_id AND cm.last_read_seq < w.seq
  )
  SELECT j.n,
    CASE
      WHEN j.outcome <> 'sent' THEN j.outcome
      WHEN w.id IS NULL THEN 'raced'
      WHEN s.n <> s.first_n THEN 'again'
      ELSE 'sent'
    END,
    coalesce(k.id, w.id), coalesce(k.conversation_id, w.conversation_id), coalesce(k.seq, w.seq),
    CASE WHEN k.id IS NULL THEN w.body ELSE k.body END,
    CASE WHEN k.id IS NULL THEN w.reply_to_id ELSE k.reply_to_id END,
    CASE WHEN k.id IS NULL THEN s.first_mac ELSE k.input_mac END,
    coalesce(k.created_at, moment), k.edited_at, k.deleted_at, coalesce(k.version, 1),
    card.username::text, card.display_name::text
  FROM judged j
  LEFT JOIN messages k ON k.id = j.known_id
  LEFT JOIN sendable s ON s.n = j.n
  LEFT JOIN fresh f ON f.n = s.first_n
  LEFT JOIN written w ON w.id = f.id
  LEFT JOIN profiles card ON card.id = j.author_id;
END $$;

-- conversation_views as before (migration 0003 says how it works), without the cards of those who are hidden.
CREATE OR REPLACE FUNCTION conversation_views(
  p_viewer uuid, p_others int, p_ids uuid[], p_most int, p_before_at timestamptz, p_before_id uuid
) RETURNS TABLE (
  id uuid, created_at timestamptz, kind text, title text, seq bigint, floor_seq bigint, last_message_at timestamptz,
  last_read_seq bigint, last_visit_at timestamptz, at timestamptz,
  last_id uuid, last_seq bigint, last_author_id uuid, last_body text, last_reply_to_id uuid,
  last_created_at timestamptz, last_edited_at timestamptz, last_deleted_at timestamptz, last_version bigint,
  last_username text, last_display_name text,
  unread bigint, others json
) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  ids uuid[] := p_ids;
  ats timestamptz[];
BEGIN
  IF p_ids IS NULL THEN
    -- A conversation stands in the inbox by its latest message that the viewer sees. For most that is the
    -- latest one there is; only who joined later or has a curtain there has to look for it.
    SELECT array_agg(page.id ORDER BY page.at DESC, page.id DESC), array_agg(page.at ORDER BY page.at DESC, page.id DESC)
    INTO ids, ats
    FROM (
      SELECT c.id, placed.at
      FROM conversation_members me
      JOIN conversations c ON c.id = me.conversation_id
      CROSS JOIN LATERAL (SELECT CASE
        WHEN me.joined_seq = 0 AND NOT EXISTS (
          SELECT 1 FROM curtains x WHERE x.conversation_id = c.id AND p_viewer IN (x.lower_id, x.upper_id))
        THEN c.last_message_at
        ELSE (
          SELECT m.created_at FROM messages m
          WHERE m.conversation_id = c.id AND m.seq > me.joined_seq AND NOT EXISTS (
            SELECT 1 FROM curtains x
            WHERE x.conversation_id = m.conversation_id
              AND x.lower_id = least(p_viewer, m.author_id) AND x.upper_id = greatest(p_viewer, m.author_id)
              AND x.from_seq < m.seq AND (x.until_seq IS NULL OR x.until_seq > m.seq))
          ORDER BY m.seq DESC LIMIT 1)
        END AS at) placed
      WHERE me.account_id = p_viewer AND placed.at IS NOT NULL
        AND (p_before_at IS NULL OR (placed.at, c.id) < (p_before_at, p_before_id))
      ORDER BY placed.at DESC, c.id DESC LIMIT p_most
    ) page;
  END IF;

  RETURN QUERY
  SELECT c.id, c.created_at, c.kind::text, c.title::text, c.seq, c.floor_seq, c.last_message_at,
    me.last_read_seq, me.last_visit_at, ats[wanted.n],
    last.id, last.seq, last.author_id, last.body, last.reply_to_id, last.created_at, last.edited_at, last.deleted_at,
    last.version, last.username::text, last.display_name::text,
    unread.n, coalesce(others.cards, '[]')
  FROM unnest(ids) WITH ORDINALITY AS wanted (id, n)
  JOIN conversations c ON c.id = wanted.id
  JOIN conversation_members me ON me.conversation_id = c.id AND me.account_id = p_viewer
  LEFT JOIN LATERAL (
    SELECT m.*, a.username, a.display_name
    FROM messages m LEFT JOIN profiles a ON a.id = m.author_id AND a.hidden_at IS NULL
    WHERE m.conversation_id = c.id AND m.seq > me.joined_seq AND NOT EXISTS (
      SELECT 1 FROM curtains x
      WHERE x.conversation_id = m.conversation_id
        AND x.lower_id = least(p_viewer, m.author_id) AND x.upper_id = greatest(p_viewer, m.author_id)
        AND x.from_seq < m.seq AND (x.until_seq IS NULL OR x.until_seq > m.seq))
    ORDER BY m.seq DESC LIMIT 1
  ) last ON true
  CROSS JOIN LATERAL (
    -- At most 300 rows are looked at; 100 means at least 100, or too many to count.
    SELECT CASE WHEN count(*) = 300 THEN 100 ELSE least(count(*) FILTER (WHERE looked.counts), 100) END AS n
    FROM (
      SELECT m.author_id IS DISTINCT FROM p_viewer AND m.deleted_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM curtains x
        WHERE x.conversation_id = m.conversation_id
          AND x.lower_id = least(p_viewer, m.author_id) AND x.upper_id = greatest(p_viewer, m.author_id)
          AND x.from_seq < m.seq AND (x.until_seq IS NULL OR x.until_seq > m.seq)) AS counts
      FROM messages m
      WHERE m.conversation_id = c.id AND m.seq > greatest(me.last_read_seq, me.joined_seq)
      ORDER BY m.seq LIMIT 300
    ) looked
  ) unread
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('id', o.id, 'username', o.username, 'displayName', o.display_name)
      ORDER BY o.joined_at, o.member_id) AS cards
    FROM (
      SELECT p.id, p.username, p.display_name, om.created_at AS joined_at, om.id AS member_id
      FROM conversation_members om JOIN profiles p ON p.id = om.account_id AND p.hidden_at IS NULL
      WHERE om.conversation_id = c.id AND om.account_id <> p_viewer
        AND (c.kind = 'DIRECT' OR NOT EXISTS (
          SELECT 1 FROM blocks b
          WHERE (b.blocker_id = p_viewer AND b.blocked_id = p.id) OR (b.blocked_id = p_viewer AND b.blocker_id = p.id)))
      ORDER BY om.created_at, om.id LIMIT p_others
    ) o
  ) others
  ORDER BY wanted.n;
END $$;
