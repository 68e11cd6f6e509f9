package messaging_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/network"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// A house is the slices over a database of the test's own.
type house struct {
	t         testing.TB
	db        *db.DB
	hub       *live.Hub
	messaging *messaging.Service
	network   *network.Service
	feeds     *feed.Service
}

func newHouse(t testing.TB) *house {
	t.Helper()
	return houseOn(t, testkit.DB(t), live.Options{})
}

// houseOn is one node on a database; nodes of one test share it.
func houseOn(t testing.TB, d *db.DB, o live.Options) *house {
	t.Helper()
	n := node.On(t, d, o)
	return &house{t: t, db: d, hub: n.Hub, messaging: n.Messaging, network: n.Network, feeds: n.Feeds}
}

func (h *house) person(name string) uuid.UUID { return testkit.Person(h.t, h.db, name) }

func (h *house) as(id uuid.UUID) context.Context { return testkit.As(h.t, id) }

func to(recipient uuid.UUID, body string) messaging.SendMessageInput {
	id := relay.NewID(ent.ProfilePrefix, recipient)
	return messaging.SendMessageInput{RecipientID: &id, Body: body}
}

func in(conversation uuid.UUID, body string) messaging.SendMessageInput {
	id := relay.NewID(ent.ConversationPrefix, conversation)
	return messaging.SendMessageInput{ConversationID: &id, Body: body}
}

func (h *house) send(from uuid.UUID, what messaging.SendMessageInput) *ent.Message {
	h.t.Helper()
	m, err := h.messaging.Send(h.as(from), what)
	if err != nil {
		h.t.Fatalf("send: %v", err)
	}
	return m
}

func (h *house) history(of, conversation uuid.UUID) []string {
	h.t.Helper()
	c, err := h.messaging.Conversation(h.as(of), conversation)
	if err != nil {
		h.t.Fatal(err)
	}
	if c == nil {
		return nil
	}
	page, err := h.messaging.Messages(h.as(of), c, 100, nil, messaging.OldestFirst)
	if err != nil {
		h.t.Fatal(err)
	}
	var bodies []string
	for _, m := range page.Nodes() {
		body := "(deleted)"
		if m.Body != nil {
			body = *m.Body
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func (h *house) block(blocker, blocked uuid.UUID) {
	h.t.Helper()
	if _, err := h.network.Block(h.as(blocker), network.BlockInput{ProfileID: relay.NewID(ent.ProfilePrefix, blocked)}); err != nil {
		h.t.Fatalf("block: %v", err)
	}
}

// unblock takes a block back, or finds that there is none of one's own and the other not to be seen.
func (h *house) unblock(blocker, blocked uuid.UUID) {
	h.t.Helper()
	_, err := h.network.Unblock(h.as(blocker), network.UnblockInput{ProfileID: relay.NewID(ent.ProfilePrefix, blocked)})
	var refusal *network.NetworkUserError
	if err != nil && (!errors.As(err, &refusal) || refusal.Code != network.CodeNotFound) {
		h.t.Fatalf("unblock: %v", err)
	}
}

// join makes people members of a circle's conversation, and announces it.
func (h *house) join(conversation uuid.UUID, people ...uuid.UUID) {
	h.t.Helper()
	h.messaging.Announce(h.unannounced(func(tx *ent.Tx) ([]messaging.Notice, error) {
		return h.messaging.Join(h.t.Context(), tx, conversation, people...)
	}))
}

// leave takes somebody out of a circle's conversation, and announces it.
func (h *house) leave(conversation, person uuid.UUID) {
	h.t.Helper()
	h.messaging.Announce(h.left(conversation, person))
}

// left takes somebody out, and answers what is to be announced.
func (h *house) left(conversation, person uuid.UUID) []messaging.Notice {
	h.t.Helper()
	return h.unannounced(func(tx *ent.Tx) ([]messaging.Notice, error) {
		return h.messaging.Leave(h.t.Context(), tx, conversation, person)
	})
}

func (h *house) unannounced(do func(tx *ent.Tx) ([]messaging.Notice, error)) (notices []messaging.Notice) {
	h.t.Helper()
	err := h.db.Tx(h.t.Context(), func(tx *ent.Tx) (err error) {
		notices, err = do(tx)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return notices
}

// refused is the code of a refusal.
func refused(err error) messaging.MessagingErrorCode {
	var refusal *messaging.MessagingUserError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

func faulted(err error) fault.Code {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}
