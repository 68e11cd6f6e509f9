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

// Of each of some feeds the entries after a number, with the head and the floor, in one snapshot; OFFSET 0 has each
// feed looked up by itself, however many there are.
const streamSQL = `
SELECT f.account_id, f.seq, f.floor_seq, e.seq, e.kind, e.subject_id
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, after)
CROSS JOIN LATERAL (SELECT f.account_id, f.seq, f.floor_seq FROM feeds f WHERE f.account_id = k.id OFFSET 0) f
LEFT JOIN LATERAL (
	SELECT e.seq, e.kind, e.subject_id FROM feed_entries e
	WHERE e.account_id = f.account_id AND e.seq > k.after ORDER BY e.seq LIMIT $3
) e ON true
ORDER BY f.account_id, e.seq`

// Read implements live.Source.
func (s source) Read(ctx context.Context, account uuid.UUID, after int64, limit int) (live.Reading, error) {
	readings, err := s.ReadAll(ctx, []live.Place{{ID: account, Seq: after}}, limit)
	return readings[account], err
}

// ReadAll implements live.Source.
func (s source) ReadAll(ctx context.Context, after []live.Place, limit int) (map[uuid.UUID]live.Reading, error) {
	ids, seqs := live.Arrays(after)
	rows, err := s.sql.QueryContext(ctx, streamSQL, ids, seqs, limit)
	if err != nil {
		return nil, fmt.Errorf("read feeds: %w", err)
	}
	defer func() { _ = rows.Close() }()
	readings := make(map[uuid.UUID]live.Reading, len(after))
	for rows.Next() {
		var account uuid.UUID
		var head live.Head
		var seq *int64
		var kind *string
		var subject *uuid.UUID
		if err := rows.Scan(&account, &head.Seq, &head.Floor, &seq, &kind, &subject); err != nil {
			return nil, fmt.Errorf("read an entry of a feed: %w", err)
		}
		reading := readings[account]
		reading.Head = head
		if seq != nil {
			reading.Updates = append(reading.Updates, updateOf(*seq, *kind, *subject))
		}
		readings[account] = reading
	}
	return readings, rows.Err()
}

// Moved implements live.Source.
func (s source) Moved(ctx context.Context, known []live.Place) ([]live.Place, error) {
	return live.AskMoved(ctx, s.sql, `
SELECT k.id, f.seq
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, seq)
CROSS JOIN LATERAL (SELECT f.seq FROM feeds f WHERE f.account_id = k.id OFFSET 0) f
WHERE f.seq <> k.seq`, known)
}
