-- Conversations as their viewer sees them: those with the given ids, or, if p_ids is null, a page of the
-- inbox behind a place in it. One statement for any number of conversations, in two steps: which ones, then
-- what there is to see of each, every part of it read from the right end of an index.
--
-- A function, because its plan is kept: planning the statement anew takes longer than running it. The
-- planner is held to the indexes, since a plan is kept whoever it was made for.
--
-- It walks past ent's policies, so it says again what ent/visible says: membership, joining, curtains. A
-- property test holds the two together.
CREATE FUNCTION conversation_views(
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
    FROM messages m LEFT JOIN profiles a ON a.id = m.author_id
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
      FROM conversation_members om JOIN profiles p ON p.id = om.account_id
      WHERE om.conversation_id = c.id AND om.account_id <> p_viewer
        AND (c.kind = 'DIRECT' OR NOT EXISTS (
          SELECT 1 FROM blocks b
          WHERE (b.blocker_id = p_viewer AND b.blocked_id = p.id) OR (b.blocked_id = p_viewer AND b.blocker_id = p.id)))
      ORDER BY om.created_at, om.id LIMIT p_others
    ) o
  ) others
  ORDER BY wanted.n;
END $$;
