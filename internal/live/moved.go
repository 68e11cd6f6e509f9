package live

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"
)

// AskMoved is what most sources answer Moved with: it asks a table of heads which of them are not the given ones.
// The query takes ids and numbers as two arrays, and answers id, head and floor of each that has moved.
func AskMoved(ctx context.Context, pool *sql.DB, query string, heads map[uuid.UUID]int64) (map[uuid.UUID]Head, error) {
	ids, known := make([]uuid.UUID, 0, len(heads)), make([]int64, 0, len(heads))
	for id, head := range heads {
		ids, known = append(ids, id), append(known, head)
	}
	rows, err := pool.QueryContext(ctx, query, ids, known)
	if err != nil {
		return nil, fmt.Errorf("read the heads of streams: %w", err)
	}
	defer func() { _ = rows.Close() }()
	moved := map[uuid.UUID]Head{}
	for rows.Next() {
		var id uuid.UUID
		var h Head
		if err := rows.Scan(&id, &h.Seq, &h.Floor); err != nil {
			return nil, fmt.Errorf("read the head of a stream: %w", err)
		}
		moved[id] = h
	}
	return moved, rows.Err()
}
