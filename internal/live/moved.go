package live

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
)

// AskMoved is what most sources answer Moved with: it asks a table of heads which of them are not the given ones.
// The query takes ids and numbers as two arrays, and answers id and head of each that has moved.
func AskMoved(ctx context.Context, pool *sql.DB, query string, known []Place) (moved []Place, err error) {
	for some := range slices.Chunk(known, askedAtOnce) {
		if moved, err = askMoved(ctx, pool, query, some, moved); err != nil {
			return nil, err
		}
	}
	return moved, nil
}

// askedAtOnce is how many streams a statement asks about. One of more would be dear enough, in the eyes of the planner,
// to be compiled each time.
const askedAtOnce = 8192

func askMoved(ctx context.Context, pool *sql.DB, query string, known, moved []Place) ([]Place, error) {
	ids, seqs := Arrays(known)
	rows, err := pool.QueryContext(ctx, query, ids, seqs)
	if err != nil {
		return nil, fmt.Errorf("read the heads of streams: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p Place
		if err := rows.Scan(&p.ID, &p.Seq); err != nil {
			return nil, fmt.Errorf("read the head of a stream: %w", err)
		}
		moved = append(moved, p)
	}
	return moved, rows.Err()
}

// The types of elements, as PostgreSQL numbers them.
const (
	oidUUID   = 2950
	oidBigint = 20
)

// Arrays are places as two parameters, uuid[] and bigint[], in PostgreSQL's binary form: of tens of thousands a
// second neither side has to write or read a text.
func Arrays(places []Place) (ids, seqs []byte) {
	n := len(places)
	ids, seqs = arrayHead(oidUUID, n, 16), arrayHead(oidBigint, n, 8)
	for _, p := range places {
		ids = append(binary.BigEndian.AppendUint32(ids, 16), p.ID[:]...)
		seqs = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(seqs, 8), uint64(p.Seq))
	}
	return ids, seqs
}

// arrayHead begins an array of one dimension, counted from one, without a NULL.
func arrayHead(oid uint32, n, width int) []byte {
	b := make([]byte, 0, 20+n*(4+width))
	dimensions := uint32(1)
	if n == 0 {
		dimensions = 0
	}
	b = binary.BigEndian.AppendUint32(b, dimensions)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, oid)
	if n == 0 {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1)
}
