-- append_messages as before (migration 0002 says how it works), and now it notes the messages as bursts for the
-- consumers of facts. Nodes of the version before call it by the same name and get the same answers.
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
        WHEN me.id IS NULL THEN 'no_member'
        WHEN c.kind = 'DIRECT' AND EXISTS (
          SELECT 1 FROM conversation_members other
          JOIN blocks b ON (b.blocker_id = i.author_id AND b.blocked_id = other.account_id)
            OR (b.blocked_id = i.author_id AND b.blocker_id = other.account_id)
          WHERE other.conversation_id = i.conversation_id AND other.account_id <> i.author_id
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
