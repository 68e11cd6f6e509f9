package live_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// A log is a stream in PostgreSQL that the tests write to by themselves.
type log struct{ db *db.DB }

func newLog(t testing.TB) log {
	t.Helper()
	l := log{testkit.DB(t)}
	_, err := l.db.SQL.ExecContext(t.Context(), `CREATE TABLE heads (id uuid PRIMARY KEY, seq bigint NOT NULL, floor bigint NOT NULL DEFAULT 0);
		CREATE TABLE entries (id uuid, seq bigint, word text, subject uuid, PRIMARY KEY (id, seq))`)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// write appends a word under the head's lock, skipping some numbers, and answers the update to publish.
func (l log) write(t testing.TB, id uuid.UUID, word string, skip int64) live.Update {
	t.Helper()
	return l.append(t, id, word, skip, uuid.New())
}

// change gives an earlier entry another word, as an edit does, and appends an entry that says so.
func (l log) change(t testing.TB, id uuid.UUID, of live.Update, word string) live.Update {
	t.Helper()
	_, err := l.db.SQL.ExecContext(t.Context(), "UPDATE entries SET word = $3 WHERE id = $1 AND seq = $2", id, of.Seq, word)
	if err != nil {
		t.Fatal(err)
	}
	return l.append(t, id, "changed", 0, of.Subject)
}

// hide appends a hidden entry.
func (l log) hide(t testing.TB, id uuid.UUID) live.Update {
	t.Helper()
	return l.append(t, id, hiddenWord, 0, uuid.Nil)
}

const hiddenWord = "hidden"

func (l log) append(t testing.TB, id uuid.UUID, word string, skip int64, subject uuid.UUID) live.Update {
	t.Helper()
	var seq int64
	err := l.db.SQL.QueryRowContext(t.Context(), `WITH h AS (
			INSERT INTO heads (id, seq) VALUES ($1, 1 + $3) ON CONFLICT (id) DO UPDATE SET seq = heads.seq + 1 + $3 RETURNING seq
		) INSERT INTO entries SELECT $1, seq, $2, $4 FROM h RETURNING seq`, id, word, skip, subject).Scan(&seq)
	if err != nil {
		t.Fatal(err)
	}
	return live.Update{Seq: seq, Subject: subject, Hidden: word == hiddenWord, Data: []byte(word)}
}

// Read implements live.Source.
func (l log) Read(ctx context.Context, id uuid.UUID, after int64, limit int) (live.Reading, error) {
	rows, err := l.db.SQL.QueryContext(ctx, `SELECT h.seq, h.floor, e.seq, e.word, e.subject FROM heads h
		LEFT JOIN LATERAL (SELECT * FROM entries e WHERE e.id = h.id AND e.seq > $2 ORDER BY e.seq LIMIT $3) e ON true
		WHERE h.id = $1 ORDER BY e.seq`, id, after, limit)
	if err != nil {
		return live.Reading{}, err
	}
	defer func() { _ = rows.Close() }()
	var r live.Reading
	for rows.Next() {
		var seq *int64
		var word *string
		var subject *uuid.UUID
		if err := rows.Scan(&r.Seq, &r.Floor, &seq, &word, &subject); err != nil {
			return r, err
		}
		if seq != nil {
			r.Updates = append(r.Updates, live.Update{Seq: *seq, Subject: *subject, Hidden: *word == hiddenWord, Data: []byte(*word)})
		}
	}
	return r, rows.Err()
}

// ReadAll implements live.Source.
func (l log) ReadAll(ctx context.Context, after []live.Place, limit int) (map[uuid.UUID]live.Reading, error) {
	all := map[uuid.UUID]live.Reading{}
	for _, p := range after {
		r, err := l.Read(ctx, p.ID, p.Seq, limit)
		if err != nil {
			return nil, err
		}
		all[p.ID] = r
	}
	return all, nil
}

// Moved implements live.Source.
func (l log) Moved(ctx context.Context, known []live.Place) ([]live.Place, error) {
	return live.AskMoved(ctx, l.db.SQL, `SELECT k.id, h.seq
		FROM unnest($1::uuid[], $2::bigint[]) AS k (id, seq) JOIN heads h ON h.id = k.id AND h.seq <> k.seq`, known)
}

// A countingLog counts how often it is read.
type countingLog struct {
	log
	reads atomic.Int64
	// then happens once, between a reading and its answer.
	then atomic.Pointer[func()]
}

// Read implements live.Source.
func (l *countingLog) Read(ctx context.Context, id uuid.UUID, after int64, limit int) (live.Reading, error) {
	l.reads.Add(1)
	r, err := l.log.Read(ctx, id, after, limit)
	if then := l.then.Swap(nil); then != nil {
		(*then)()
	}
	return r, err
}

const kind = "log"

func hub(t testing.TB, l live.Source, o live.Options) *live.Hub {
	t.Helper()
	if o.Epoch == nil {
		o.Epoch = func(context.Context) (string, error) { return "epoch", nil }
	}
	h := live.New(o)
	h.Register(kind, l, live.Shared)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// A reader collects the words it is given.
type reader struct {
	mu     sync.Mutex
	words  []string
	cursor string
	// note is told of each word; nil for nobody.
	note   func(word string)
	came   chan struct{}
	detach func()
}

// words renders an update as its word.
type words struct{}

func (words) Render(_ context.Context, item live.Item, _ bool) ([]byte, error) {
	switch item.Kind {
	case live.Resync:
		return []byte("resync:" + string(item.Reason)), nil
	case live.Moved:
		return []byte("moved"), nil
	case live.Updated, live.Signalled:
	}
	if string(item.Update.Data) == "unspeakable" {
		return nil, errors.New("this can not be rendered")
	}
	return item.Update.Data, nil
}

func (words) Close() {}

// A moody renderer sometimes renders nothing.
type moody struct {
	isBroken *atomic.Bool
	tries    *atomic.Int64
}

func (m moody) Render(ctx context.Context, item live.Item, own bool) ([]byte, error) {
	m.tries.Add(1)
	if m.isBroken.Load() {
		return nil, errors.New("not now")
	}
	return words{}.Render(ctx, item, own)
}

func (moody) Close() {}

func read(t testing.TB, h *live.Hub, id uuid.UUID, after string) *reader {
	t.Helper()
	return readBy(t, h, id, after, "words", func() (live.Renderer, error) { return words{}, nil })
}

// readBy reads by a plan.
func readBy(t testing.TB, h *live.Hub, id uuid.UUID, after, plan string, renderer func() (live.Renderer, error)) *reader {
	t.Helper()
	r := &reader{came: make(chan struct{}, 10000)}
	request := live.Request{Key: live.Key{Kind: kind, ID: id}, Plan: plan, Renderer: renderer}
	if after != "" {
		c, err := h.ParseCursor(request.Key, after)
		if err != nil {
			t.Fatal(err)
		}
		request.After = &c
	}
	detach, err := h.Attach(t.Context(), request, &live.Member{
		Deliver: func(frame []byte, cursor string) {
			r.mu.Lock()
			r.words, r.cursor = append(r.words, string(frame)), cursor
			note := r.note
			r.mu.Unlock()
			if note != nil {
				note(string(frame))
			}
			r.came <- struct{}{}
		},
		Fail: func(error) {
			r.mu.Lock()
			r.words = append(r.words, "failed")
			r.mu.Unlock()
			r.came <- struct{}{}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.detach = sync.OnceFunc(detach)
	t.Cleanup(r.detach)
	return r
}

// want waits for exactly these words, in order.
func (r *reader) want(t testing.TB, want ...string) {
	t.Helper()
	end := time.After(deadline)
	for {
		r.mu.Lock()
		got := strings.Join(r.words, " ")
		r.mu.Unlock()
		if got == strings.Join(want, " ") {
			return
		}
		if !strings.HasPrefix(strings.Join(want, " "), got) {
			t.Fatalf("got %q, want %q", got, want)
		}
		select {
		case <-r.came:
		case <-end:
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}
