package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/rehearsal"
)

// The kinds of an entry that somebody may see.
const (
	kindSent    = "SENT"
	kindEdited  = "EDITED"
	kindDeleted = "DELETED"
)

// An entry is one number of a conversation, as PostgreSQL has it.
type entry struct {
	seq        int64
	kind       string
	message    uuid.UUID
	messageSeq int64
	author     uuid.UUID
	// at is when its transaction began: what is called a delay has the commit in it.
	at time.Time
}

// A curtain hides between two people what either wrote behind one number and before another.
type curtain struct {
	lower, upper uuid.UUID
	from, until  int64 // until is 0 while it hangs
}

// A truth is what PostgreSQL has.
type truth struct {
	entries  map[uuid.UUID][]entry // by conversation, in order
	curtains map[uuid.UUID][]curtain
	messages map[uuid.UUID]message
	reads    map[place]int64
	blocks   map[pair]bool
}

type message struct {
	sendKey
	seq       int64
	body      string
	isDeleted bool
}

// sees tells whether somebody may see an entry. It is written anew from what the schema promises, not taken
// from the program: nobody joined late here, so only curtains hide anything.
func (t *truth) sees(who uuid.UUID, c *conversation, e entry) bool {
	if e.message == uuid.Nil {
		return false
	}
	for _, x := range t.curtains[c.id] {
		between := x.lower == who && x.upper == e.author || x.upper == who && x.lower == e.author
		// To take away what was written before the curtain is not to write behind it.
		if between && (x.hides(e.messageSeq) || x.hides(e.seq) && e.kind != kindDeleted) {
			return false
		}
	}
	return true
}

func (c curtain) hides(seq int64) bool { return c.from < seq && (c.until == 0 || seq < c.until) }

// readTruth reads everything as it stands at one moment. It tries again, since PostgreSQL may be cutting
// everybody off just then.
func readTruth(ctx context.Context, d *db.DB) (t *truth, err error) {
	for range tries {
		if t, err = readOnce(ctx, d.SQL); err == nil || ctx.Err() != nil {
			return t, err
		}
		_ = rehearsal.Wait(ctx, 200*time.Millisecond)
	}
	return nil, fmt.Errorf("read what PostgreSQL has: %w", err)
}

func readOnce(ctx context.Context, pool *sql.DB) (_ *truth, err error) {
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	t := &truth{
		entries: map[uuid.UUID][]entry{}, curtains: map[uuid.UUID][]curtain{}, messages: map[uuid.UUID]message{},
		reads: map[place]int64{}, blocks: map[pair]bool{},
	}
	var id uuid.UUID
	var e entry
	var m message
	var x curtain
	var at place
	var b pair
	var seq int64
	return t, errors.Join(
		eachRow(ctx, tx, `
SELECT m.conversation_id, m.seq, 'SENT', m.id, m.seq, m.author_id, m.created_at FROM messages m
UNION ALL
SELECT e.conversation_id, e.seq, e.kind, coalesce(m.id, $1), coalesce(m.seq, 0), coalesce(m.author_id, $1), e.created_at
FROM conversation_entries e LEFT JOIN messages m ON m.id = e.message_id
ORDER BY 1, 2`, []any{uuid.Nil}, func() { t.entries[id] = append(t.entries[id], e) },
			&id, &e.seq, &e.kind, &e.message, &e.messageSeq, &e.author, &e.at),
		eachRow(ctx, tx, `
SELECT id, author_id, coalesce(idempotency_key, ''), seq, coalesce(body, ''), deleted_at IS NOT NULL FROM messages`,
			nil, func() { t.messages[id] = m }, &id, &m.author, &m.key, &m.seq, &m.body, &m.isDeleted),
		eachRow(ctx, tx, `SELECT conversation_id, lower_id, upper_id, from_seq, coalesce(until_seq, 0) FROM curtains`,
			nil, func() { t.curtains[id] = append(t.curtains[id], x) }, &id, &x.lower, &x.upper, &x.from, &x.until),
		eachRow(ctx, tx, `SELECT account_id, conversation_id, last_read_seq FROM conversation_members`,
			nil, func() { t.reads[at] = seq }, &at.account, &at.conversation, &seq),
		eachRow(ctx, tx, `SELECT blocker_id, blocked_id FROM blocks`,
			nil, func() { t.blocks[b] = true }, &b.blocker, &b.blocked),
	)
}

// eachRow calls take after each row has been scanned.
func eachRow(ctx context.Context, tx *sql.Tx, query string, args []any, take func(), into ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		take()
	}
	return rows.Err()
}

// cutOff has PostgreSQL end every connection but the one that asks for it.
func cutOff(ctx context.Context, d *db.DB) error {
	_, err := d.SQL.ExecContext(ctx, `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	if err != nil {
		return fmt.Errorf("have PostgreSQL end all connections: %w", err)
	}
	return nil
}
