package messaging_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/messaging"
)

func TestSend(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, grace, eve := h.person("ada"), h.person("grace"), h.person("eve")
	first := h.send(ada, to(grace, "hello"))

	t.Run("the first message makes the conversation of both, whoever writes next", func(t *testing.T) {
		answer := h.send(grace, to(ada, "hello back"))
		if answer.ConversationID != first.ConversationID || answer.Seq <= first.Seq {
			t.Fatalf("got conversation %v number %d, want %v above %d", answer.ConversationID, answer.Seq, first.ConversationID, first.Seq)
		}
	})
	t.Run("twenty first messages at once make one conversation", func(t *testing.T) {
		a, b := h.person("first-a"), h.person("first-b")
		var wait sync.WaitGroup
		ids := make([]uuid.UUID, 20)
		for i := range ids {
			from, other := a, b
			if i%2 == 1 {
				from, other = b, a
			}
			wait.Go(func() {
				if m, err := h.messaging.Send(h.as(from), to(other, fmt.Sprint("n", i))); err == nil {
					ids[i] = m.ConversationID
				}
			})
		}
		wait.Wait()
		for _, id := range ids {
			if id == uuid.Nil || id != ids[0] {
				t.Fatalf("got conversations %v", ids)
			}
		}
		if n := len(h.history(a, ids[0])); n != 20 {
			t.Fatalf("got %d messages, want 20", n)
		}
	})
	t.Run("a retry with the same key answers the same message, twenty at once too", func(t *testing.T) {
		what := in(first.ConversationID, "once")
		key := "key-once"
		what.IdempotencyKey = &key
		var wait sync.WaitGroup
		ids := make([]uuid.UUID, 20)
		for i := range ids {
			wait.Go(func() {
				m, err := h.messaging.Send(h.as(ada), what)
				if err != nil {
					t.Errorf("send: %v", err)
					return
				}
				ids[i] = m.ID
			})
		}
		wait.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("got %v", ids)
			}
		}
	})
	t.Run("the same key for something else is refused", func(t *testing.T) {
		key := "key-reused"
		what := in(first.ConversationID, "this")
		what.IdempotencyKey = &key
		h.send(ada, what)
		what.Body = "that"
		if _, err := h.messaging.Send(h.as(ada), what); faulted(err) != fault.CodeIdempotencyKeyReused {
			t.Fatalf("got %v", err)
		}
		elsewhere := to(eve, "this")
		elsewhere.IdempotencyKey = &key
		if _, err := h.messaging.Send(h.as(ada), elsewhere); faulted(err) != fault.CodeIdempotencyKeyReused {
			t.Fatalf("in another conversation: got %v", err)
		}
	})
	t.Run("one key used for two conversations at once goes to one of them", func(t *testing.T) {
		a, b := h.send(ada, to(h.person("race-a"), "x")), h.send(ada, to(h.person("race-b"), "x"))
		for round := range 20 {
			key := fmt.Sprint("race-", round)
			var wait sync.WaitGroup
			errs := make([]error, 2)
			for i, c := range []uuid.UUID{a.ConversationID, b.ConversationID} {
				what := in(c, "which?")
				what.IdempotencyKey = &key
				wait.Go(func() { _, errs[i] = h.messaging.Send(h.as(ada), what) })
			}
			wait.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("got %v", errs)
			}
		}
	})
	t.Run("a refused message leaves its key to one that is not", func(t *testing.T) {
		for round := range 30 {
			key := fmt.Sprint("left-", round)
			var wait sync.WaitGroup
			for i := range 12 {
				target := first.ConversationID
				if i%4 != 0 {
					target = uuid.New() // nobody's
				}
				what := in(target, "hello")
				what.IdempotencyKey = &key
				wait.Go(func() {
					_, err := h.messaging.Send(h.as(ada), what)
					if wanted := target == first.ConversationID; wanted && err != nil || !wanted && refused(err) != messaging.CodeNotFound && faulted(err) != fault.CodeIdempotencyKeyReused {
						t.Errorf("to a conversation of hers %v: got %v", wanted, err)
					}
				})
			}
			wait.Wait()
		}
	})
	t.Run("what is no message is refused, and nothing is written", func(t *testing.T) {
		before := len(h.history(ada, first.ConversationID))
		for name, body := range map[string]string{
			"empty": "", "blank": " \n\t\u2003", "invisible": "\u200b\u200d\u2060", "too long": strings.Repeat("ä", 4001),
		} {
			if _, err := h.messaging.Send(h.as(ada), in(first.ConversationID, body)); refused(err) != messaging.CodeBodyInvalid {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if after := len(h.history(ada, first.ConversationID)); after != before {
			t.Fatalf("got %d messages, want %d", after, before)
		}
	})
	t.Run("4000 characters of four bytes each are a message", func(t *testing.T) {
		h.send(ada, in(first.ConversationID, strings.Repeat("🥪", 4000)))
	})
	t.Run("somebody who is not in it can not write to a conversation, as if it did not exist", func(t *testing.T) {
		_, stranger := h.messaging.Send(h.as(eve), in(first.ConversationID, "let me in"))
		_, nothing := h.messaging.Send(h.as(eve), in(uuid.New(), "let me in"))
		if refused(stranger) != messaging.CodeNotFound || stranger.Error() != nothing.Error() {
			t.Fatalf("got %v and %v", stranger, nothing)
		}
	})
	t.Run("a person who does not exist gets the same answer as one who blocks", func(t *testing.T) {
		h.block(grace, eve)
		_, blocked := h.messaging.Send(h.as(eve), to(grace, "hi"))
		_, nobody := h.messaging.Send(h.as(eve), to(uuid.New(), "hi"))
		if refused(blocked) != messaging.CodeCannotMessage || blocked.Error() != nobody.Error() {
			t.Fatalf("got %v and %v", blocked, nobody)
		}
	})
	t.Run("a message to oneself is refused", func(t *testing.T) {
		if _, err := h.messaging.Send(h.as(ada), to(ada, "hi")); refused(err) != messaging.CodeSelf {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("signed out nothing is sent", func(t *testing.T) {
		if _, err := h.messaging.Send(t.Context(), to(ada, "hi")); faulted(err) != fault.CodeUnauthenticated {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("an answer to a message of another conversation is refused", func(t *testing.T) {
		other := h.send(ada, to(h.person("other"), "secret"))
		what := in(first.ConversationID, "see above")
		id := other.GlobalID()
		what.ReplyToID = &id
		if _, err := h.messaging.Send(h.as(ada), what); refused(err) != messaging.CodeNotFound {
			t.Fatalf("got %v", err)
		}
	})
}

func TestBlockInDirectConversation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.person("ada"), h.person("bob")
	key := "before"
	what := to(bob, "before")
	what.IdempotencyKey = &key
	m := h.send(bob, to(ada, "from bob"))
	acknowledged := h.send(ada, what)
	h.block(bob, ada)

	t.Run("neither can write to the other, and neither is told why", func(t *testing.T) {
		_, blocked := h.messaging.Send(h.as(ada), in(m.ConversationID, "?"))
		_, blocker := h.messaging.Send(h.as(bob), in(m.ConversationID, "?"))
		if refused(blocked) != messaging.CodeCannotMessage || refused(blocker) != messaging.CodeCannotMessage {
			t.Fatalf("got %v and %v", blocked, blocker)
		}
	})
	t.Run("a retry of what was acknowledged still answers it", func(t *testing.T) {
		if again := h.send(ada, what); again.ID != acknowledged.ID {
			t.Fatalf("got %v, want %v", again.ID, acknowledged.ID)
		}
	})
	t.Run("what was there stays readable", func(t *testing.T) {
		if got := h.history(ada, m.ConversationID); len(got) != 2 {
			t.Fatalf("got %q", got)
		}
	})
	t.Run("editing is refused as sending is, deleting one's own is not", func(t *testing.T) {
		_, err := h.messaging.Edit(h.as(ada), messaging.EditMessageInput{MessageID: acknowledged.GlobalID(), Body: "changed"})
		if refused(err) != messaging.CodeCannotMessage {
			t.Fatalf("edit: got %v", err)
		}
		if _, err := h.messaging.Delete(h.as(ada), messaging.DeleteMessageInput{MessageID: acknowledged.GlobalID()}); err != nil {
			t.Fatalf("delete: %v", err)
		}
	})
	t.Run("after the unblock they write again", func(t *testing.T) {
		h.unblock(bob, ada)
		h.send(ada, in(m.ConversationID, "hello again"))
	})
	t.Run("no message slips in behind an acknowledged block", func(t *testing.T) {
		for round := range 30 {
			var wait sync.WaitGroup
			var blockedAt time.Time
			for range 4 {
				wait.Go(func() {
					for i := range 5 {
						_, _ = h.messaging.Send(h.as(ada), in(m.ConversationID, fmt.Sprint(round, i)))
					}
				})
			}
			wait.Go(func() { h.block(bob, ada); blockedAt = time.Now() })
			wait.Wait()
			c, _ := h.messaging.Conversation(h.as(bob), m.ConversationID)
			page, err := h.messaging.Messages(h.as(bob), c, 1, nil, messaging.NewestFirst)
			if err != nil {
				t.Fatal(err)
			}
			if last := page.Nodes()[0]; last.CreatedAt.After(blockedAt) {
				t.Fatalf("a message of %v after the block of %v", last.CreatedAt, blockedAt)
			}
			h.unblock(bob, ada)
		}
	})
}

func TestCurtain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob, cy := h.person("ada"), h.person("bob"), h.person("cy")
	c, err := h.messaging.Open(t.Context(), "the three", ada, bob, cy)
	if err != nil {
		t.Fatal(err)
	}
	h.send(ada, in(c.ID, "ada before"))
	h.send(bob, in(c.ID, "bob before"))
	h.block(ada, bob)
	h.send(ada, in(c.ID, "ada behind"))
	h.send(bob, in(c.ID, "bob behind"))
	h.send(cy, in(c.ID, "cy"))
	h.block(bob, ada) // the other way too: one curtain
	h.unblock(ada, bob)
	h.send(bob, in(c.ID, "bob still behind"))
	h.unblock(bob, ada)
	h.send(bob, in(c.ID, "bob after"))

	for _, want := range []struct {
		who  uuid.UUID
		name string
		sees string
	}{
		{ada, "ada", "ada before|bob before|ada behind|cy|bob after"},
		{bob, "bob", "ada before|bob before|bob behind|cy|bob still behind|bob after"},
		{cy, "cy", "ada before|bob before|ada behind|bob behind|cy|bob still behind|bob after"},
	} {
		t.Run(want.name+" sees what is not behind a curtain", func(t *testing.T) {
			if got := strings.Join(h.history(want.who, c.ID), "|"); got != want.sees {
				t.Fatalf("got  %s\nwant %s", got, want.sees)
			}
		})
	}
}

func TestEditAndDelete(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.person("ada"), h.person("bob")
	m := h.send(ada, to(bob, "tpyo"))
	edit := func(as uuid.UUID, body string, version *int) (*ent.Message, error) {
		return h.messaging.Edit(h.as(as), messaging.EditMessageInput{MessageID: m.GlobalID(), Body: body, ExpectedVersion: version})
	}
	one := 1
	t.Run("one's own message is changed, and counted", func(t *testing.T) {
		got, err := edit(ada, "typo", &one)
		if err != nil || *got.Body != "typo" || got.Version != 2 || got.EditedAt == nil {
			t.Fatalf("got %v, %v", got, err)
		}
	})
	t.Run("a stale version answers the current message", func(t *testing.T) {
		got, err := edit(ada, "late", &one)
		if refused(err) != messaging.CodeConflict || got == nil || *got.Body != "typo" {
			t.Fatalf("got %v, %v", got, err)
		}
	})
	t.Run("another's message is as if it were not there", func(t *testing.T) {
		if _, err := edit(bob, "mine now", nil); refused(err) != messaging.CodeNotFound {
			t.Fatalf("got %v", err)
		}
		if _, err := h.messaging.Delete(h.as(bob), messaging.DeleteMessageInput{MessageID: m.GlobalID()}); refused(err) != messaging.CodeNotFound {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a deleted message leaves a mark, twice over", func(t *testing.T) {
		for range 2 {
			got, err := h.messaging.Delete(h.as(ada), messaging.DeleteMessageInput{MessageID: m.GlobalID()})
			if err != nil || got.Body != nil || got.DeletedAt == nil || got.Version != 3 {
				t.Fatalf("got %v, %v", got, err)
			}
		}
		if got := h.history(bob, m.ConversationID); len(got) != 1 || got[0] != "(deleted)" {
			t.Fatalf("got %q", got)
		}
		if _, err := edit(ada, "back", nil); refused(err) != messaging.CodeDeleted {
			t.Fatalf("got %v", err)
		}
	})
}
