package messaging_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
)

// ended wants the subscription to be at its end, with nothing before it.
func (l *listener) ended() {
	l.t.Helper()
	select {
	case u, ok := <-l.ch:
		if ok {
			word, _ := say(u)
			l.t.Fatalf("got %q behind the leaving", word)
		}
	case <-time.After(deadline):
		l.t.Fatal("the subscription goes on")
	}
}

// circle is a conversation of three on two nodes, one of whom is not in it yet.
type circle struct {
	here, there  *house
	ada, bob, cy uuid.UUID
	id           uuid.UUID
	start        string // the cursor before everything
}

func newCircle(t *testing.T, withRedis bool) circle {
	t.Helper()
	sweep := 100 * time.Millisecond
	if withRedis {
		sweep = time.Hour
	}
	c := circle{}
	c.here, c.there = twoNodes(t, withRedis, sweep)
	c.ada, c.bob, c.cy = c.here.person("ada"), c.here.person("bob"), c.here.person("cy")
	row, err := c.here.messaging.Open(t.Context(), "circle", c.ada, c.bob)
	if err != nil {
		t.Fatal(err)
	}
	c.id = row.ID
	c.start = c.here.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: c.id}, 0).String()
	return c
}

func (c circle) say(words ...string) {
	for _, w := range words {
		c.here.send(c.ada, in(c.id, w))
	}
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	for name, withRedis := range map[string]bool{"with Redis": true, "by the sweep alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("whoever joins sees from joining on, also by an older cursor", func(t *testing.T) {
				t.Parallel()
				c := newCircle(t, withRedis)
				bob := c.there.listen(c.bob, c.id, nil) // the node remembers what follows
				c.say("before")
				bob.want("sent:before")
				c.here.join(c.id, c.cy)
				c.say("after")
				bob.want("sent:after")
				c.there.listen(c.cy, c.id, &c.start).want("sent:after")
				fresh := c.here.listen(c.cy, c.id, &c.start)
				fresh.want("sent:after")
				c.say("later")
				fresh.want("sent:later")
				if got := c.there.history(c.cy, c.id); !slices.Equal(got, []string{"after", "later"}) {
					t.Errorf("the history of the new member is %q", got)
				}
				// Joining twice changes nothing.
				c.here.join(c.id, c.cy, c.bob)
				if got := c.there.history(c.cy, c.id); len(got) != 2 {
					t.Errorf("after joining again the history is %q", got)
				}
			})
			t.Run("whoever leaves gets nothing that is said from then on", func(t *testing.T) {
				t.Parallel()
				c := newCircle(t, withRedis)
				c.here.join(c.id, c.cy)
				bob, cy, also := c.there.listen(c.bob, c.id, nil), c.there.listen(c.cy, c.id, nil), c.here.listen(c.cy, c.id, nil)
				c.say("before")
				bob.want("sent:before")
				cursor := cy.want("sent:before")
				also.want("sent:before")
				c.here.leave(c.id, c.cy)
				c.say("secret")
				cy.ended()
				also.ended()
				bob.want("sent:secret")
				c.isGone(t, c.here, cursor)
				c.isGone(t, c.there, cursor)
			})
			t.Run("nor if the leaving was announced to nobody, and is found in the gap before a message", func(t *testing.T) {
				t.Parallel()
				c := newCircle(t, withRedis)
				c.here.join(c.id, c.cy)
				bob, cy := c.there.listen(c.bob, c.id, nil), c.there.listen(c.cy, c.id, nil)
				c.say("before")
				bob.want("sent:before")
				cy.want("sent:before")
				c.here.left(c.id, c.cy)
				c.say("secret", "secret too")
				bob.want("sent:secret", "sent:secret too")
				cy.ended()
			})
			t.Run("whoever comes back begins anew", func(t *testing.T) {
				t.Parallel()
				c := newCircle(t, withRedis)
				c.here.join(c.id, c.cy)
				c.say("before")
				c.here.leave(c.id, c.cy)
				c.say("meanwhile")
				c.here.join(c.id, c.cy)
				c.say("after")
				cy := c.there.listen(c.cy, c.id, &c.start)
				cy.want("sent:after")
				if got := c.here.history(c.cy, c.id); !slices.Equal(got, []string{"after"}) {
					t.Errorf("the history is %q", got)
				}
				c.say("later")
				cy.want("sent:later")
			})
		})
	}
}

// isGone wants a node to show nothing of the conversation to whoever has left it.
func (c circle) isGone(t *testing.T, h *house, cursor string) {
	t.Helper()
	ctx := h.as(c.cy)
	if got := h.history(c.cy, c.id); got != nil {
		t.Errorf("the history is %q", got)
	}
	rows, err := h.messaging.ConversationsByIDs(ctx, []uuid.UUID{c.id})
	if err != nil || len(rows) > 0 {
		t.Errorf("by its id there is %v, %v", rows, err)
	}
	messages, err := h.db.Ent.Message.Query().All(ctx)
	if err != nil || len(messages) > 0 {
		t.Errorf("there are messages %v, %v", messages, err)
	}
	inbox, err := h.messaging.Inbox(ctx, 10, nil)
	if err != nil || len(inbox.Edges) > 0 {
		t.Errorf("the inbox has %v, %v", inbox, err)
	}
	if _, err := h.messaging.Updates(ctx, relay.NewID(ent.ConversationPrefix, c.id), &cursor); faulted(err) != fault.CodeForbidden {
		t.Errorf("subscribing again: %v", err)
	}
	if _, err := h.messaging.Send(ctx, in(c.id, "still here")); refused(err) == "" {
		t.Errorf("sending: %v", err)
	}
}

func TestMembersAndTheirFeeds(t *testing.T) {
	t.Parallel()
	c := newCircle(t, true)
	c.say("before")
	feedOf := func(who uuid.UUID) <-chan feed.Update {
		ch, err := c.there.feeds.Updates(c.there.as(who), nil)
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	// next is the next thing of the conversation, for it to be as it should.
	next := func(ch <-chan feed.Update, want string) {
		t.Helper()
		end := time.After(deadline)
		for got := ""; ; {
			select {
			case u := <-ch:
				switch u := u.(type) {
				case *messaging.ConversationChanged:
					got = fmt.Sprint("changed ", u.Conversation.ID)
				case *feed.SubjectGone:
					got = fmt.Sprint("gone ", u.ID)
				default:
					continue
				}
				if got == want {
					return
				}
			case <-end:
				t.Fatalf("got %q last, want %q", got, want)
			}
		}
	}
	changed := fmt.Sprint("changed ", c.id)
	cy, bob := feedOf(c.cy), feedOf(c.bob)
	c.here.join(c.id, c.cy)
	next(cy, changed)
	next(bob, changed)
	c.say("after")
	next(cy, changed)
	c.here.leave(c.id, c.cy)
	c.say("secret")
	next(cy, fmt.Sprint("gone ", relay.NewID(ent.ConversationPrefix, c.id)))
	c.here.join(c.id, c.cy)
	next(cy, changed)
}

// Blocks and membership meet: a curtain hangs between a new member and whoever blocks them, ends when they leave, and
// what was drawn before does not hide them when they come back.
func TestMembersBehindACurtain(t *testing.T) {
	t.Parallel()
	c := newCircle(t, true)
	c.here.block(c.ada, c.cy)
	ada, bob := c.there.listen(c.ada, c.id, nil), c.there.listen(c.bob, c.id, nil)
	c.here.join(c.id, c.cy)
	cy := c.there.listen(c.cy, c.id, nil)
	c.here.send(c.cy, in(c.id, "by cy"))
	c.here.send(c.ada, in(c.id, "by ada"))
	c.here.send(c.bob, in(c.id, "by bob"))
	ada.want("sent:by ada", "sent:by bob")
	cy.want("sent:by cy", "sent:by bob")
	bob.want("sent:by cy", "sent:by ada", "sent:by bob")

	c.here.leave(c.id, c.cy)
	cy.ended()
	c.here.unblock(c.ada, c.cy)
	c.here.join(c.id, c.cy)
	cy = c.there.listen(c.cy, c.id, nil)
	c.here.send(c.cy, in(c.id, "back"))
	c.here.send(c.ada, in(c.id, "welcome"))
	ada.want("sent:back", "sent:welcome")
	cy.want("sent:back", "sent:welcome")
	if got := c.here.history(c.ada, c.id); !slices.Equal(got, []string{"by ada", "by bob", "back", "welcome"}) {
		t.Errorf("the history shows %q", got)
	}
}

// A block that is older than the conversation holds in it too.
func TestAConversationOpensBehindABlock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob, cy := h.person("ada"), h.person("bob"), h.person("cy")
	h.block(ada, bob)
	c, err := h.messaging.Open(t.Context(), "circle", cy, bob, ada)
	if err != nil {
		t.Fatal(err)
	}
	adas, cys := h.listen(ada, c.ID, nil), h.listen(cy, c.ID, nil)
	h.send(bob, in(c.ID, "to whoever sees it"))
	h.send(cy, in(c.ID, "to all"))
	adas.want("sent:to all")
	cys.want("sent:to whoever sees it", "sent:to all")
	if got := h.history(ada, c.ID); !slices.Equal(got, []string{"to all"}) {
		t.Errorf("Ada reads %q", got)
	}
	h.unblock(ada, bob)
	h.send(bob, in(c.ID, "again"))
	adas.want("sent:again")
}

func TestWhoCanNotJoin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob, cy := h.person("ada"), h.person("bob"), h.person("cy")
	direct := h.send(ada, to(bob, "hello")).ConversationID
	row, err := h.messaging.Open(t.Context(), "circle", ada)
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(context.Context, *ent.Tx) error{
		"a third one a direct conversation": func(ctx context.Context, tx *ent.Tx) error {
			_, err := h.messaging.Join(ctx, tx, direct, cy)
			return err
		},
		"one of two leave a direct conversation": func(ctx context.Context, tx *ent.Tx) error {
			_, err := h.messaging.Leave(ctx, tx, direct, ada)
			return err
		},
		"somebody what does not exist": func(ctx context.Context, tx *ent.Tx) error {
			_, err := h.messaging.Join(ctx, tx, uuid.New(), cy)
			return err
		},
		"somebody who does not exist": func(ctx context.Context, tx *ent.Tx) error {
			_, err := h.messaging.Join(ctx, tx, row.ID, uuid.New())
			return err
		},
	} {
		if err := h.db.Tx(t.Context(), func(tx *ent.Tx) error { return do(t.Context(), tx) }); err == nil {
			t.Error(name)
		}
	}
	if notices := h.left(row.ID, cy); notices != nil {
		t.Errorf("somebody left who was not there: %v", notices)
	}
}
