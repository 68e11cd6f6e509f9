package feed

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// source reads feeds from PostgreSQL. A feed that was never written to is empty.
type source struct{ sql *sql.DB }

// Read implements live.Source: the entries after a number with the head and the floor, in one snapshot.
func (s source) Read(ctx context.Context, account uuid.UUID, after int64, limit int) (live.Reading, error) {
	rows, err := s.sql.QueryContext(ctx, `
SELECT f.seq, f.floor_seq, e.seq, e.kind, e.subject_id
FROM feeds f
LEFT JOIN LATERAL (
	SELECT e.seq, e.kind, e.subject_id FROM feed_entries e
	WHERE e.account_id = f.account_id AND e.seq > $2 ORDER BY e.seq LIMIT $3
) e ON true
WHERE f.account_id = $1
ORDER BY e.seq`, account, after, limit)
	if err != nil {
		return live.Reading{}, fmt.Errorf("read a feed: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var reading live.Reading
	for rows.Next() {
		var seq *int64
		var kind *string
		var subject *uuid.UUID
		if err := rows.Scan(&reading.Seq, &reading.Floor, &seq, &kind, &subject); err != nil {
			return live.Reading{}, fmt.Errorf("read an entry of a feed: %w", err)
		}
		if seq != nil {
			reading.Updates = append(reading.Updates, updateOf(*seq, *kind, *subject))
		}
	}
	return reading, rows.Err()
}

// Moved implements live.Source.
func (s source) Moved(ctx context.Context, heads map[uuid.UUID]int64) (map[uuid.UUID]live.Head, error) {
	return live.AskMoved(ctx, s.sql, `
SELECT f.account_id, f.seq, f.floor_seq
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, seq) JOIN feeds f ON f.account_id = k.id AND f.seq <> k.seq`, heads)
}
