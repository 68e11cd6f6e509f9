package messaging_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/testkit"
)

// deadline is how long a test waits for what should come at once.
const deadline = 10 * time.Second

// A listener takes a subscription's updates.
type listener struct {
	t      testing.TB
	ch     <-chan messaging.ConversationUpdate
	cancel context.CancelFunc
}

func (h *house) listen(of, conversation uuid.UUID, after *string) *listener {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.as(of))
	ch, err := h.messaging.Updates(ctx, relay.NewID(ent.ConversationPrefix, conversation), after)
	if err != nil {
		cancel()
		h.t.Fatalf("subscribe: %v", err)
	}
	h.t.Cleanup(cancel)
	return &listener{t: h.t, ch: ch, cancel: cancel}
}

func (l *listener) next() messaging.ConversationUpdate {
	l.t.Helper()
	select {
	case u, ok := <-l.ch:
		if !ok {
			l.t.Fatal("the subscription ended")
		}
		return u
	case <-time.After(deadline):
		l.t.Fatal("no update came")
	}
	return nil
}

// say is an update as one word, and its cursor.
func say(u messaging.ConversationUpdate) (string, string) {
	switch u := u.(type) {
	case *messaging.MessageSent:
		return "sent:" + text(u.Message), u.Cursor
	case *messaging.MessageEdited:
		return "edited:" + text(u.Message), u.Cursor
	case *messaging.MessageDeleted:
		return "deleted", u.Cursor
	case *relay.ResyncRequired:
		return "resync:" + string(u.Reason), u.Cursor
	case *relay.CursorMoved:
		return "moved", u.Cursor
	default:
		return fmt.Sprintf("%T", u), ""
	}
}

func text(m *ent.Message) string {
	if m.Body == nil {
		return ""
	}
	return *m.Body
}

func (l *listener) want(words ...string) (cursor string) {
	l.t.Helper()
	for _, want := range words {
		var got string
		got, cursor = say(l.next())
		if got != want {
			l.t.Fatalf("got %q, want %q", got, want)
		}
	}
	return cursor
}

// twoNodes are two nodes on one database, with Redis between them or without.
func twoNodes(t *testing.T, withRedis bool, sweep time.Duration) (*house, *house) {
	t.Helper()
	url := testkit.DatabaseURL(t)
	one := func() *house {
		o := live.Options{Sweep: sweep}
		if withRedis {
			client, err := live.OpenRedis(testkit.RedisURL(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			o.Redis = client
		}
		return houseOn(t, testkit.Open(t, url), o)
	}
	return one(), one()
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.person("ada"), h.person("bob")
	m := h.send(ada, to(bob, "zero"))
	c := m.ConversationID

	t.Run("every change comes once, in order, live and replayed", func(t *testing.T) {
		l := h.listen(bob, c, nil)
		start := h.listen(ada, c, nil)
		sent := h.send(ada, in(c, "one"))
		cursor := l.want("sent:one")
		if _, err := h.messaging.Edit(h.as(ada), messaging.EditMessageInput{MessageID: sent.GlobalID(), Body: "eins"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.messaging.Delete(h.as(ada), messaging.DeleteMessageInput{MessageID: sent.GlobalID()}); err != nil {
			t.Fatal(err)
		}
		h.send(bob, in(c, "two"))
		l.want("edited:eins", "deleted", "sent:two")
		start.want("sent:one", "edited:eins", "deleted", "sent:two")
		// As it is now: the text is gone.
		h.listen(bob, c, &cursor).want("edited:", "deleted", "sent:two")
	})
	t.Run("the conversation's own cursor continues behind what was read with it", func(t *testing.T) {
		row, err := h.messaging.Conversation(h.as(bob), c)
		if err != nil {
			t.Fatal(err)
		}
		h.send(ada, in(c, "after the read"))
		cursor := h.messaging.Cursor(row)
		h.listen(bob, c, &cursor).want("sent:after the read")
	})
	t.Run("what only a newer node knows is passed over, live and replayed", func(t *testing.T) {
		before := h.listen(bob, c, nil)
		of := h.send(ada, in(c, "here"))
		cursor := before.want("sent:here")
		h.send(ada, in(c, "known"))
		_, err := h.db.SQL.ExecContext(t.Context(), `WITH c AS (UPDATE conversations SET seq = seq + 1 WHERE id = $2 RETURNING seq)
			INSERT INTO conversation_entries (id, conversation_id, seq, kind, message_id, created_at)
			SELECT $1, $2, seq, 'PINNED', $3, now() FROM c`, uuid.New(), c, of.ID)
		if err != nil {
			t.Fatal(err)
		}
		h.send(ada, in(c, "known too"))
		before.want("sent:known", "moved", "sent:known too")
		h.listen(bob, c, &cursor).want("sent:known", "moved", "sent:known too")
	})
	t.Run("a replay from PostgreSQL carries messages as they are now", func(t *testing.T) {
		other := houseOn(t, h.db, live.Options{}) // a node whose memory is empty
		zero := other.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: c}, 0).String()
		l := other.listen(bob, c, &zero)
		l.want("sent:zero", "sent:", "edited:", "deleted", "sent:two", "sent:after the read")
	})
	t.Run("what was deleted or edited is not replayed as it was, also by the node that remembers it", func(t *testing.T) {
		start := h.listen(bob, c, nil)
		h.send(ada, in(c, "mark"))
		before := start.want("sent:mark")
		secret, typo := h.send(ada, in(c, "SECRET")), h.send(ada, in(c, "tpyo"))
		if _, err := h.messaging.Edit(h.as(ada), messaging.EditMessageInput{MessageID: typo.GlobalID(), Body: "typo"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.messaging.Delete(h.as(ada), messaging.DeleteMessageInput{MessageID: secret.GlobalID()}); err != nil {
			t.Fatal(err)
		}
		start.want("sent:SECRET", "sent:tpyo", "edited:typo", "deleted")
		h.listen(bob, c, &before).want("sent:", "sent:typo", "edited:typo", "deleted")
	})
	t.Run("whoever is not in it is refused as if it did not exist", func(t *testing.T) {
		eve := h.person("eve")
		_, there := h.messaging.Updates(h.as(eve), relay.NewID(ent.ConversationPrefix, c), nil)
		_, nowhere := h.messaging.Updates(h.as(eve), relay.NewID(ent.ConversationPrefix, uuid.New()), nil)
		if faulted(there) != fault.CodeForbidden || there.Error() != nowhere.Error() {
			t.Fatalf("got %v and %v", there, nowhere)
		}
	})
	t.Run("a cursor of something else is a bad request", func(t *testing.T) {
		foreign := h.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: uuid.New()}, 3).String()
		for _, cursor := range []string{"", "x", foreign, strings.Repeat("A", 80)} {
			if _, err := h.messaging.Updates(h.as(bob), relay.NewID(ent.ConversationPrefix, c), &cursor); faulted(err) != fault.CodeBadRequest {
				t.Errorf("%q: got %v", cursor, err)
			}
		}
	})
}

// A replay too long to be remembered is not remembered in part either: what is deleted after it is gone
// from the next one.
func TestALongReplayIsReadAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.person("ada"), h.person("bob")
	first := h.send(ada, to(bob, "SECRET"))
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 80 {
				h.send(ada, in(first.ConversationID, "more"))
			}
		})
	}
	wait.Wait()
	node := houseOn(t, h.db, live.Options{})
	start := node.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: first.ConversationID}, 0).String()
	node.listen(bob, first.ConversationID, &start).want("sent:SECRET", "sent:more")
	if _, err := node.messaging.Delete(node.as(ada), messaging.DeleteMessageInput{MessageID: first.GlobalID()}); err != nil {
		t.Fatal(err)
	}
	node.listen(bob, first.ConversationID, &start).want("sent:", "sent:more")
}

func TestResyncRequired(t *testing.T) {
	t.Parallel()
	h := houseOn(t, testkit.DB(t), live.Options{Owed: 20, Sweep: 200 * time.Millisecond})
	ada, bob := h.person("ada"), h.person("bob")
	m := h.send(ada, to(bob, "zero"))
	c := m.ConversationID
	key := live.Key{Kind: messaging.StreamKind, ID: c}

	t.Run("too far behind", func(t *testing.T) {
		for i := range 21 {
			h.send(ada, in(c, fmt.Sprint(i)))
		}
		cursor := h.hub.Cursor(key, m.Seq).String()
		l := h.listen(bob, c, &cursor)
		from := l.want("resync:TOO_FAR_BEHIND")
		h.send(ada, in(c, "goes on"))
		l.want("sent:goes on")
		h.listen(bob, c, &from).want("sent:goes on")
		// What is owed decides, not the distance of numbers.
		near := h.hub.Cursor(key, m.Seq+5).String()
		h.listen(bob, c, &near).want("sent:5")
	})
	t.Run("below the floor that the retention of edits and deletions raises", func(t *testing.T) {
		_, err := h.messaging.Delete(h.as(ada), messaging.DeleteMessageInput{MessageID: m.GlobalID()})
		if err != nil {
			t.Fatal(err)
		}
		other := houseOn(t, h.db, live.Options{})
		cursor := other.hub.Cursor(key, m.Seq+20).String()
		if err := h.messaging.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		other.listen(bob, c, &cursor).want("sent:20")
		if _, err := h.db.SQL.ExecContext(t.Context(), "UPDATE conversation_entries SET created_at = now() - interval '31 days'"); err != nil {
			t.Fatal(err)
		}
		if err := h.messaging.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		later := houseOn(t, h.db, live.Options{}) // a node that remembers nothing from before
		from := later.listen(bob, c, &cursor).want("resync:CURSOR_TOO_OLD")
		later.send(ada, in(c, "above the floor"))
		later.listen(bob, c, &from).want("sent:above the floor")
	})
	t.Run("a number that this history never had", func(t *testing.T) {
		cursor := h.hub.Cursor(key, 1_000_000).String()
		h.listen(bob, c, &cursor).want("resync:EPOCH_CHANGED")
	})
	t.Run("another epoch, also for those who are subscribed", func(t *testing.T) {
		l := h.listen(bob, c, nil)
		before := h.hub.Cursor(key, m.Seq+24).String()
		if err := h.db.Tx(t.Context(), func(tx *ent.Tx) error { return db.NewEpoch(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		l.want("resync:EPOCH_CHANGED")
		h.listen(bob, c, &before).want("resync:EPOCH_CHANGED")
		h.send(ada, in(c, "in the new epoch"))
		l.want("sent:in the new epoch")
	})
}

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		redis bool
		sweep time.Duration
	}{
		{"with Redis it arrives at once", true, time.Hour},
		{"without Redis it arrives by the sweep", false, 100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			here, there := twoNodes(t, c.redis, c.sweep)
			ada, bob := here.person("ada"), here.person("bob")
			m := here.send(ada, to(bob, "zero"))
			l := there.listen(bob, m.ConversationID, nil)
			for i := range 10 {
				here.send(ada, in(m.ConversationID, fmt.Sprint("from here ", i)))
				l.want(fmt.Sprint("sent:from here ", i))
			}
		})
	}
}

// A client that is cut at random and resumes by its cursor on a random node has every message once and in
// order, while several people write on both nodes.
func TestResumeIsExactlyOnce(t *testing.T) {
	t.Parallel()
	one, two := twoNodes(t, true, 300*time.Millisecond)
	nodes := []*house{one, two}
	ada, bob, cy := one.person("ada"), one.person("bob"), one.person("cy")
	c, err := one.messaging.Open(t.Context(), "many", ada, bob, cy)
	if err != nil {
		t.Fatal(err)
	}
	const each = 150
	var writers sync.WaitGroup
	for n, who := range []uuid.UUID{ada, bob} {
		for _, node := range nodes {
			writers.Go(func() {
				for i := range each {
					node.send(who, in(c.ID, fmt.Sprint(n, "-", i)))
				}
			})
		}
	}
	var readers sync.WaitGroup
	for reader := range 8 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(reader)))
			cursor := one.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: c.ID}, 0).String()
			last, got := int64(0), 0
			for got < 4*each {
				l := nodes[random.IntN(2)].listen(cy, c.ID, &cursor)
				for range 1 + random.IntN(60) {
					u := l.next()
					sent, ok := u.(*messaging.MessageSent)
					if !ok {
						_, cursor = say(u)
						continue
					}
					if sent.Message.Seq != last+1 {
						t.Errorf("got number %d after %d", sent.Message.Seq, last)
						return
					}
					last, cursor = sent.Message.Seq, sent.Cursor
					if got++; got == 4*each {
						break
					}
				}
				l.cancel()
			}
		})
	}
	writers.Wait()
	readers.Wait()
}

func TestStatementsPerUpdate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.person("ada"), h.person("bob")
	m := h.send(ada, to(bob, "zero"))
	l := h.listen(bob, m.ConversationID, nil)
	h.send(ada, in(m.ConversationID, "one"))
	sent := l.next().(*messaging.MessageSent)
	ctx, n := db.CountStatements(h.as(bob))
	card, err := h.messaging.Author(ctx, sent.Message)
	if err != nil || card.Username != "ada" || n.Load() != 0 {
		t.Fatalf("got %v, %v with %d statements, want ada with none", card, err, n.Load())
	}
}

// What has outlived its retention goes, however many conversations it is of.
func TestSweepOfManyConversations(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.db.SQL.ExecContext(t.Context(), `
WITH c AS (INSERT INTO conversations (id, kind, seq) SELECT gen_random_uuid(), 'CIRCLE', 3 FROM generate_series(1, 1203) RETURNING id)
INSERT INTO conversation_entries (id, created_at, conversation_id, seq, kind)
SELECT gen_random_uuid(), now() - n * interval '20 days', c.id, 3 - n, 'CURTAIN_LIFTED' FROM c, generate_series(0, 2) n`)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.messaging.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var entries, floors int
	err = h.db.SQL.QueryRowContext(t.Context(), `
SELECT (SELECT count(*) FROM conversation_entries), (SELECT count(*) FROM conversations WHERE floor_seq = 1)`).Scan(&entries, &floors)
	if err != nil || entries != 2406 || floors != 1203 {
		t.Fatalf("%d entries are left and %d floors raised, %v; want 2406 and 1203", entries, floors, err)
	}
}
