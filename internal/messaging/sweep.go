package messaging

import (
	"context"
	"fmt"
	"time"
)

// entriesKept is for how long edits, deletions and curtains can be replayed, as ent/schema declares. The
// messages themselves stay.
const entriesKept = 30 * 24 * time.Hour

// Sweep removes entries of conversations' streams that have outlived their retention and raises the
// streams' floors: whoever resumes from below is told to refetch. Any number of nodes may run it. An edit stays as long
// as somebody goes on seeing the text from before it.
func (s *Service) Sweep(ctx context.Context) error {
	// The floor is raised in the statement that removes, so that nobody is given a replay with holes.
	// The heads are locked in the order in which everybody locks them.
	_, err := s.db.SQL.ExecContext(ctx, `
WITH locked AS MATERIALIZED (
	SELECT c.id FROM conversations c
	WHERE c.id IN (SELECT e.conversation_id FROM conversation_entries e WHERE e.created_at <= $1 AND e.body_before IS NULL)
	ORDER BY c.id FOR NO KEY UPDATE
), old AS (
	DELETE FROM conversation_entries e USING locked WHERE e.conversation_id = locked.id AND e.created_at <= $1 AND e.body_before IS NULL
	RETURNING e.conversation_id, e.seq
)
UPDATE conversations c SET floor_seq = greatest(c.floor_seq, o.seq)
FROM (SELECT conversation_id, max(seq) AS seq FROM old GROUP BY conversation_id) o
WHERE c.id = o.conversation_id`, s.now().Add(-entriesKept))
	if err != nil {
		return fmt.Errorf("remove old entries of conversations: %w", err)
	}
	return nil
}
