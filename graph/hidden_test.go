package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

// Three people in a conversation, of whom the second has blocked the first.
type three struct {
	*api
	ada, bob, cy viewer.Viewer
	id           string
	start        string // a cursor before everything
	before       map[string]any
}

func newThree(t *testing.T) *three {
	t.Helper()
	s := &three{api: newNode(t, testkit.DB(t), quick)}
	s.ada, s.bob, s.cy = s.person(t, "ada"), s.person(t, "bob"), s.person(t, "cyd")
	c, err := s.Messaging.Open(t.Context(), "three", s.ada.Account(), s.bob.Account(), s.cy.Account())
	if err != nil {
		t.Fatal(err)
	}
	s.id = string(c.GlobalID())
	s.start = s.cursor(t, s.cy)
	s.before, _ = s.send(t, s.ada, vars{"conversationId": s.id, "body": "from before"})
	return s
}

func (s *three) cursor(t *testing.T, of viewer.Viewer) string {
	t.Helper()
	return at(t, s.ok(t, of, `query ($id: ID!) { conversation(id: $id) { cursor } }`, vars{"id": s.id}), "conversation", "cursor").(string)
}

func (s *three) block(t *testing.T) {
	t.Helper()
	s.ok(t, s.bob, block, vars{"input": vars{"profileId": profileID(s.ada)}})
}

func TestBytesThatShowSomebodyBlocked(t *testing.T) {
	t.Parallel()
	s := newThree(t)
	s.block(t)
	s.ok(t, s.ada, edit, vars{"input": vars{"messageId": s.before["id"], "body": "from behind the curtain"}})
	s.send(t, s.cy, vars{"conversationId": s.id, "body": "from cyd"})
	query, variables := canonical["conversationUpdates"], vars{"id": s.id, "after": s.start}

	t.Run("who has a curtain to somebody in the bytes is rendered for alone, and everybody else together", func(t *testing.T) {
		for name, c := range map[string]struct {
			who  viewer.Viewer
			want []string
		}{
			"cyd, who comes first": {s.cy, []string{"MessageSent from behind the curtain 2", "MessageEdited from behind the curtain 2", "MessageSent from cyd 1"}},
			"bob":                  {s.bob, []string{"MessageSent from before 1", "MessageSent from cyd 1"}},
			"ada":                  {s.ada, []string{"MessageSent from behind the curtain 2", "MessageEdited from behind the curtain 2", "MessageSent from cyd 1"}},
		} {
			shared, stock := s.watch(t, c.who, query, variables), s.stock(t, c.who, query, variables)
			for _, want := range c.want {
				got, alone := shared.next(t), stock.next(t)
				if got != alone {
					t.Fatalf("%s:\nshared %s\nstock  %s", name, got, alone)
				}
				var u struct {
					Data struct {
						ConversationUpdates struct {
							Typename string `json:"__typename"`
							Message  struct {
								Body    string
								Version int
							}
						}
					}
				}
				if err := json.Unmarshal([]byte(got), &u); err != nil {
					t.Fatal(err)
				}
				of := u.Data.ConversationUpdates
				if said := fmt.Sprint(of.Typename, " ", of.Message.Body, " ", of.Message.Version); said != want {
					t.Fatalf("%s: got %q, want %q", name, said, want)
				}
			}
		}
	})
	t.Run("the last message of a feed and of the inbox is the one from before", func(t *testing.T) {
		p := newApp(s.bob)
		p.connect(t, s.api)
		s.settled(t)
		p.catchesUp(t, s.api)
		p.updates()
		s.send(t, s.ada, vars{"conversationId": s.id, "body": "not for bob"})
		s.ok(t, s.bob, unblock, vars{"input": vars{"profileId": profileID(s.ada)}})
		after, _ := s.send(t, s.ada, vars{"conversationId": s.id, "body": "after the unblock"})
		s.block(t)
		s.settled(t)
		p.catchesUp(t, s.api)
		p.updates()
		s.ok(t, s.ada, edit, vars{"input": vars{"messageId": after["id"], "body": "behind again"}})
		s.settled(t)
		p.catchesUp(t, s.api)
		if got := p.updates(); strings.Contains(fmt.Sprint(got), "ConversationChanged") {
			t.Errorf("told of what does not change anything: %v", got)
		}
		if got := fmt.Sprint(s.fresh(t, s.bob)); !strings.Contains(got, "after the unblock") {
			t.Errorf("the inbox has %s", got)
		}
		s.ok(t, s.ada, deleteThis, vars{"input": vars{"messageId": after["id"]}})
		p.settles(t, s.api)
		if got := fmt.Sprint(s.fresh(t, s.bob)); !strings.Contains(got, `"isDeleted":true`) {
			t.Errorf("the inbox has %s", got)
		}
	})
}

// Whoever shares a conversation with two people can not tell from cursors that one has blocked the other.
func TestCursorsTellNothing(t *testing.T) {
	t.Parallel()
	s := newThree(t)
	quiet := s.watch(t, s.cy, canonical["conversationUpdates"], vars{"id": s.id})
	moved := func() string {
		t.Helper()
		return cursorText.FindStringSubmatch(quiet.next(t))[1]
	}
	// What cyd can collect: cursors of a query, and those that come when nothing happens.
	var nothing, something []string
	collect := func(into *[]string) {
		for range 3 {
			*into = append(*into, s.cursor(t, s.cy), moved())
		}
	}
	collect(&nothing)
	s.block(t)
	moved() // may have been on its way
	collect(&something)
	seen := map[string]bool{}
	for _, c := range append(nothing, something...) {
		raw, err := base64.RawURLEncoding.DecodeString(c)
		if err != nil {
			t.Fatal(err)
		}
		if seen[c] {
			t.Errorf("%s came twice: one that is new tells that something has happened", c)
		}
		seen[c] = true
		if len(c) != len(nothing[0]) || strings.Contains(string(raw), s.Hub.Epoch()) {
			t.Errorf("%q is readable", raw)
		}
	}
	// And they all lead to the same: what comes next, and nothing before it.
	s.send(t, s.bob, vars{"conversationId": s.id, "body": "next"})
	for _, c := range append(nothing, something...) {
		got := s.watch(t, s.cy, canonical["conversationUpdates"], vars{"id": s.id, "after": c}).next(t)
		if !strings.Contains(got, `"body":"next"`) {
			t.Errorf("behind %s came %s", c, got)
		}
	}
}
