package feed

import (
	"context"
	"fmt"
	"time"
)

// entriesKept is for how long a feed's entries can be replayed.
const entriesKept = 30 * 24 * time.Hour

// sweepFeeds is how many feeds are locked at once.
const sweepFeeds = 500

// Sweep removes entries of feeds that have outlived their retention and raises the feeds' floors: whoever resumes
// from below is told to refetch. Any number of nodes may run it.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		n, err := s.sweepSome(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}

// sweepSome does it for some feeds and answers how many those were.
func (s *Service) sweepSome(ctx context.Context) (int64, error) {
	done, err := s.db.SQL.ExecContext(ctx, `
WITH locked AS MATERIALIZED (
	SELECT f.account_id FROM feeds f
	WHERE f.account_id IN (SELECT e.account_id FROM feed_entries e WHERE e.at <= $1 ORDER BY e.at LIMIT $2)
	ORDER BY f.account_id FOR NO KEY UPDATE
), old AS (
	DELETE FROM feed_entries e USING locked WHERE e.account_id = locked.account_id AND e.at <= $1
	RETURNING e.account_id, e.seq
)
UPDATE feeds f SET floor_seq = greatest(f.floor_seq, o.seq)
FROM (SELECT account_id, max(seq) AS seq FROM old GROUP BY account_id) o
WHERE f.account_id = o.account_id`, s.clock().Add(-entriesKept), sweepFeeds)
	if err != nil {
		return 0, fmt.Errorf("remove old entries of feeds: %w", err)
	}
	return done.RowsAffected()
}
