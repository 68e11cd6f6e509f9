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
// streams' floors: whoever resumes from below is told to refetch. Any number of nodes may run it.
func (s *Service) Sweep(ctx context.Context) error {
	// The floor is raised in the statement that removes, so that nobody is given a replay with holes.
	_, err := s.db.SQL.ExecContext(ctx, `
WITH old AS (
	DELETE FROM conversation_entries WHERE created_at <= $1 RETURNING conversation_id, seq
)
UPDATE conversations c SET floor_seq = greatest(c.floor_seq, o.seq)
FROM (SELECT conversation_id, max(seq) AS seq FROM old GROUP BY conversation_id) o
WHERE c.id = o.conversation_id`, s.now().Add(-entriesKept))
	if err != nil {
		return fmt.Errorf("remove old entries of conversations: %w", err)
	}
	return nil
}
