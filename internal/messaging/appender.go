package messaging

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/telemetry"
)

// How the appender works: what waits goes together, up to batchSize in one round trip and one commit;
// nobody waits for a timer. While one batch commits, the next gathers.
const (
	batchSize    = 64
	batchWorkers = 2
	batchTime    = 15 * time.Second
)

// A draft is a message on its way to disk.
type draft struct {
	id, conversation, author uuid.UUID
	key                      *string
	mac                      []byte
	body                     string
	replyTo                  *uuid.UUID
}

// The outcomes of append_messages, as the migration describes them.
const (
	outcomeSent     = "sent"
	outcomeAgain    = "again"
	outcomeNoMember = "no_member"
	outcomeBlocked  = "blocked"
	outcomeNoReply  = "no_reply"
	outcomeRaced    = "raced"
)

// An appended is what became of a draft.
type appended struct {
	outcome string
	message *ent.Message
	author  *profile.ProfileCard
	trace   *telemetry.SpanContext
}

type waiting struct {
	draft draft
	done  chan struct{}
	got   appended
	err   error

	start time.Time
	span  telemetry.Span
}

// An appender writes the node's messages.
type appender struct {
	db    *db.DB
	sent  func([]appended)
	queue chan *waiting
	work  sync.WaitGroup
}

// newAppender starts an appender; sent is called with the new messages of a batch after its commit.
func newAppender(d *db.DB, sent func([]appended)) *appender {
	a := &appender{db: d, sent: sent, queue: make(chan *waiting, 16*batchSize)}
	for range batchWorkers {
		a.work.Go(a.run)
	}
	return a
}

func (a *appender) close() {
	close(a.queue)
	a.work.Wait()
}

// append writes one draft, together with others that wait. If the context ends first the message may
// still be sent; a retry with its key tells.
func (a *appender) append(ctx context.Context, d draft) (appended, error) {
	w := &waiting{draft: d, done: make(chan struct{})}
	w.begin(ctx)
	defer w.end()
	select {
	case a.queue <- w:
	case <-ctx.Done():
		return appended{}, ctx.Err()
	}
	select {
	case <-w.done:
		return w.got, w.err
	case <-ctx.Done():
		return appended{}, ctx.Err()
	}
}

func (a *appender) run() {
	for first := range a.queue {
		batch := append(make([]*waiting, 0, batchSize), first)
	gather:
		for len(batch) < batchSize {
			select {
			case w, ok := <-a.queue:
				if !ok {
					break gather
				}
				batch = append(batch, w)
			default:
				break gather
			}
		}
		a.write(batch)
	}
}

// write sends a batch. After a deadlock it is tried once more; after that, and after an error of a single
// row, each row is tried alone: a refused row never fails its neighbours. What took too long is not tried
// again: it would hold up everything behind it, and its callers have their keys to ask with.
func (a *appender) write(batch []*waiting) {
	err := a.call(batch)
	if db.IsDeadlock(err) {
		err = a.call(batch)
	}
	if err != nil && len(batch) > 1 && !db.IsUnavailable(err) && !db.IsTimeout(err) {
		for _, w := range batch {
			a.write([]*waiting{w})
		}
		return
	}
	for _, w := range batch {
		w.err = err
	}
	if err == nil {
		fresh := make([]appended, 0, len(batch))
		for _, w := range batch {
			if w.got.outcome == outcomeSent {
				w.got.trace = telemetry.Name(w.span)
				fresh = append(fresh, w.got)
			}
		}
		a.sent(fresh)
	}
	for _, w := range batch {
		close(w.done)
	}
}

const appendSQL = `
SELECT n, outcome, id, conversation_id, seq, body, reply_to_id, input_mac, created_at, edited_at, deleted_at, version,
	author_username, author_display_name
FROM append_messages($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::text[], $7::uuid[])`

func (a *appender) call(batch []*waiting) error {
	ctx, span := spanOf(batch)
	defer span.End()
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	n := len(batch)
	ids, conversations, authors := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	keys, macs, bodies := make([]nullable[string], n), make([][]byte, n), make([]string, n)
	replies := make([]nullable[uuid.UUID], n)
	for i, w := range batch {
		d := w.draft
		ids[i], conversations[i], authors[i] = d.id, d.conversation, d.author
		keys[i], macs[i], bodies[i], replies[i] = nullable[string]{d.key}, d.mac, d.body, nullable[uuid.UUID]{d.replyTo}
	}
	rows, err := a.db.SQL.QueryContext(ctx, appendSQL, ids, conversations, authors, keys, macs, bodies, replies)
	if err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var at int
		var row struct {
			outcome               string
			id, conversation      *uuid.UUID
			seq                   *int64
			username, displayName *string
		}
		m := &ent.Message{}
		if err := rows.Scan(&at, &row.outcome, &row.id, &row.conversation, &row.seq, &m.Body, &m.ReplyToID, &m.InputMAC,
			&m.CreatedAt, &m.EditedAt, &m.DeletedAt, &m.Version, &row.username, &row.displayName); err != nil {
			return fmt.Errorf("read an appended message: %w", err)
		}
		w := batch[at-1]
		w.got = appended{outcome: row.outcome}
		if row.id == nil {
			continue
		}
		m.ID, m.ConversationID, m.Seq, m.AuthorID = *row.id, *row.conversation, *row.seq, &w.draft.author
		w.got.message = m
		if row.username != nil {
			w.got.author = &profile.ProfileCard{Row: w.draft.author, Username: *row.username, DisplayName: *row.displayName}
		}
	}
	return rows.Err()
}

// settle turns an outcome into the message or a refusal; at is the input field that named the
// conversation.
func settle(got appended, isSame func(mac []byte) bool, byRecipient bool) (*ent.Message, error) {
	switch got.outcome {
	case outcomeSent:
		return got.message, nil
	case outcomeAgain:
		if mac := got.message.InputMAC; mac != nil && *mac != nil && !isSame(*mac) {
			return nil, fault.KeyReused()
		}
		return got.message, nil
	case outcomeNoReply:
		return nil, refuse(CodeNotFound, "There is no such message to answer here.", "input", "replyToId")
	case outcomeBlocked:
		return nil, cannotMessage(byRecipient)
	case outcomeNoMember:
		if byRecipient {
			return nil, cannotMessage(true)
		}
		return nil, refuse(CodeNotFound, "There is no such conversation of yours.", "input", "conversationId")
	case outcomeRaced:
		return nil, fault.Unavailable(errors.New("the same key is being written over and over"))
	default:
		return nil, fmt.Errorf("append a message: unexpected outcome %q", got.outcome)
	}
}

func cannotMessage(byRecipient bool) error {
	if byRecipient {
		return refuse(CodeCannotMessage, "You can not write to this person.", "input", "recipientId")
	}
	return refuse(CodeCannotMessage, "You can not write here.", "input", "conversationId")
}
