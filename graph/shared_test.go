package graph_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/generated"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

// What clients ask of each subscription: all that does not depend on who asks, of every member of its union.
var canonical = map[string]string{
	"conversationUpdates": `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) {
		__typename
		... on MessageSent { cursor message { ...m } }
		... on MessageEdited { cursor message { ...m } }
		... on MessageDeleted { cursor message { ...m } }
		... on Typing { profile { id username displayName } until }
		... on PresenceChanged { profile { id username displayName } isOnline }
		... on CursorMoved { cursor }
		... on ResyncRequired { reason cursor }
	} }
	fragment m on Message { id seq body isMine author { id username displayName } createdAt editedAt isDeleted version }`,
	"updates": `subscription ($after: String) { updates(after: $after) {
		__typename
		... on ConversationChanged { cursor conversation {
			id kind title otherMembers { id username displayName } unreadCount readThroughSeq lastVisitAt
			lastMessage { id seq body isMine author { id username displayName } createdAt editedAt isDeleted version }
		} }
		... on SubjectGone { cursor id }
		... on CursorMoved { cursor }
		... on ResyncRequired { reason cursor }
	} }`,
}

// Both are a person's two ways to the same updates: the shared execution, and gqlgen's own.
type both struct{ shared, stock *subscriber }

// A comparison holds the two ways of an author and of somebody else side by side, and notes what has come.
type comparison struct {
	api   *api
	all   []both
	keys  []live.Key
	kinds map[string]bool
}

func compare(t *testing.T, a *api, query string, variables vars, keys []live.Key, people ...viewer.Viewer) *comparison {
	t.Helper()
	c := &comparison{api: a, keys: keys, kinds: map[string]bool{}}
	for _, v := range people {
		c.all = append(c.all, both{a.watch(t, v, query, variables), a.stock(t, v, query, variables)})
	}
	return c
}

var cursorText = regexp.MustCompile(`"cursor":"([^"]*)"`)

// until reads both ways of everybody, or of those whose places are given, until an update of a kind has come to each,
// and compares all byte for byte. A CursorMoved that is told at another moment is sealed anew, so there it is what the
// cursor says that is compared.
func (c *comparison) until(t *testing.T, kind string, places ...int) {
	t.Helper()
	for who, b := range c.all {
		if len(places) > 0 && !slices.Contains(places, who) {
			continue
		}
		for came := false; !came; {
			shared, stock := b.shared.next(t), b.stock.next(t)
			var got struct{ Data map[string]map[string]any }
			if err := json.Unmarshal([]byte(shared), &got); err != nil {
				t.Fatal(err)
			}
			for _, u := range got.Data {
				name := fmt.Sprint(u["__typename"])
				c.kinds[name], came = true, name == kind
				if name == "CursorMoved" {
					shared, stock = c.opened(t, who, shared), c.opened(t, who, stock)
				}
			}
			if shared != stock {
				t.Fatalf("for %d:\nshared %s\nstock  %s", who, shared, stock)
			}
		}
	}
}

func (c *comparison) opened(t *testing.T, who int, text string) string {
	t.Helper()
	return cursorText.ReplaceAllStringFunc(text, func(found string) string {
		at, err := c.api.Hub.ParseCursor(c.keys[who%len(c.keys)], cursorText.FindStringSubmatch(found)[1])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint("cursor ", at.Epoch, " ", at.Seq)
	})
}

// quick is a hub that tells silent subscribers of newer cursors often, and finds soon what nobody published.
var quick = live.Options{Sweep: 80 * time.Millisecond, Tell: 200 * time.Millisecond}

const (
	edit       = `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code } } }`
	deleteThis = `mutation ($input: DeleteMessageInput!) { deleteMessage(input: $input) { userErrors { code } } }`
)

func newEpoch(t *testing.T, d *db.DB) {
	t.Helper()
	if err := d.Tx(t.Context(), func(tx *ent.Tx) error { return db.NewEpoch(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// Every subscription is rendered for many as gqlgen's own execution renders it for each, whatever comes. A subscription
// or a member of its union that this test does not bring about fails it.
func TestEverySubscriptionBothWays(t *testing.T) {
	t.Parallel()
	scenes := map[string]func(t *testing.T, query string) *comparison{
		"conversationUpdates": func(t *testing.T, query string) *comparison {
			a := newNode(t, testkit.DB(t), quick)
			ada, bob := a.person(t, "ada"), a.person(t, "bob")
			_, of := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "zero"})
			a.send(t, bob, vars{"conversationId": of["id"], "body": "and who writes is seen online"})
			id, _ := relay.ID(of["id"].(string)).Row(ent.ConversationPrefix)
			c := compare(t, a, query, vars{"id": of["id"]}, []live.Key{{Kind: messaging.StreamKind, ID: id}}, ada, bob)
			m, _ := a.send(t, ada, vars{"conversationId": of["id"], "body": "one \"quoted\" \u2028 🥪"})
			c.until(t, "MessageSent")
			a.ok(t, ada, edit, vars{"input": vars{"messageId": m["id"], "body": "eins"}})
			c.until(t, "MessageEdited")
			a.ok(t, ada, deleteThis, vars{"input": vars{"messageId": m["id"]}})
			c.until(t, "MessageDeleted")
			a.types(t, ada, of["id"].(string))
			c.until(t, "Typing", 1)
			a.Presence.Enter(bob.Account())
			c.until(t, "PresenceChanged", 0)
			c.until(t, "CursorMoved")
			newEpoch(t, a.db)
			c.until(t, "ResyncRequired")
			return c
		},
		"updates": func(t *testing.T, query string) *comparison {
			a := newNode(t, testkit.DB(t), quick)
			ada, bob := a.person(t, "ada"), a.person(t, "bob")
			keys := []live.Key{{Kind: "feed", ID: ada.Account()}, {Kind: "feed", ID: bob.Account()}}
			_, of := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "zero"})
			a.settled(t)
			c := compare(t, a, query, nil, keys, ada, bob)
			c.until(t, "CursorMoved")
			// One change at a time: what is shown is how things stand when it is delivered, to each way at its own moment.
			a.send(t, ada, vars{"conversationId": of["id"], "body": "one"})
			c.until(t, "ConversationChanged")
			a.settled(t)
			newEpoch(t, a.db)
			c.until(t, "ResyncRequired")
			id, _ := relay.ID(of["id"].(string)).Row(ent.ConversationPrefix)
			// Nothing takes memberships away yet.
			for _, statement := range []string{
				"DELETE FROM conversation_members WHERE conversation_id = $1",
				`SELECT write_feeds(array_agg(a), array_agg('conversation'::text), array_agg($1::uuid)) FROM unnest(ARRAY['` +
					ada.Account().String() + `', '` + bob.Account().String() + `']::uuid[]) AS a`,
			} {
				if _, err := a.db.SQL.ExecContext(t.Context(), statement, id); err != nil {
					t.Fatal(err)
				}
			}
			c.until(t, "SubjectGone")
			return c
		},
	}
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for _, field := range schema.Subscription.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		t.Run(field.Name, func(t *testing.T) {
			t.Parallel()
			scene, query := scenes[field.Name], canonical[field.Name]
			if scene == nil {
				t.Fatal("say in this test how each of its updates comes about")
			}
			c := scene(t, query)
			for _, member := range schema.GetPossibleTypes(schema.Types[field.Type.Name()]) {
				if !c.kinds[member.Name] || !strings.Contains(query, "... on "+member.Name+" ") {
					t.Errorf("%s is not brought about, or not asked for", member.Name)
				}
				if member.Kind != ast.Object {
					t.Errorf("%s is a %s", member.Name, member.Kind)
				}
			}
		})
	}
}

// What is shared costs no statement for an update. What is shown to one person as it is now costs one, whatever it is.
func TestStatementsOfUpdates(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	redis := func() live.Options {
		client, err := live.OpenRedis(testkit.RedisURL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return live.Options{Redis: client, Sweep: time.Hour}
	}
	a := newNode(t, testkit.Open(t, url), redis())
	// The other node only delivers: it has no consumers of facts.
	d, heard := testkit.Overhear(t, url)
	o := redis()
	o.Epoch, o.Sweep, o.Tell = d.Epoch, quick.Sweep, quick.Tell
	hub := live.New(o)
	slices := graph.Connect(graph.Base{DB: d, Ring: a.Ring, Hub: hub})
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	t.Cleanup(slices.Close)
	there := &api{Node: a.Node, db: d, exec: graph.NewExecutor(slices, false)}
	onThere := *a.Node
	onThere.Hub = hub
	there.Node = &onThere
	// rendering is what was asked since the last time, but for what finds out that something has come.
	rendering := func() (texts []string) {
		for _, text := range heard.About("messages", "profiles", "conversation", "accounts", "blocks", "curtains", "feed") {
			if !strings.Contains(text, "AS k (id, seq)") && !strings.Contains(text, "pg_control_system") && !strings.Contains(text, "floor_seq, e.seq") {
				texts = append(texts, text)
			}
		}
		heard.Forget()
		return texts
	}
	ada, bob := a.person(t, "ada"), a.person(t, "bob")

	t.Run("conversationUpdates", func(t *testing.T) {
		_, of := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "zero"})
		var all []*subscriber
		for _, v := range []viewer.Viewer{ada, bob} {
			all = append(all, there.watch(t, v, canonical["conversationUpdates"], vars{"id": of["id"]}))
		}
		rendering()
		var m map[string]any
		for _, step := range []struct {
			kind string
			do   func()
		}{
			{"MessageSent", func() { m, _ = a.send(t, ada, vars{"conversationId": of["id"], "body": "one"}) }},
			{"MessageEdited", func() { a.ok(t, ada, edit, vars{"input": vars{"messageId": m["id"], "body": "eins"}}) }},
			{"MessageDeleted", func() { a.ok(t, ada, deleteThis, vars{"input": vars{"messageId": m["id"]}}) }},
			{"CursorMoved", func() {}},
			{"ResyncRequired", func() { newEpoch(t, a.db) }},
		} {
			step.do()
			for _, s := range all {
				s.until(t, step.kind)
			}
			if texts := rendering(); len(texts) > 0 {
				t.Errorf("%s took %q", step.kind, texts)
			}
		}
	})
	t.Run("updates", func(t *testing.T) {
		s := there.watch(t, bob, canonical["updates"], nil)
		s.next(t)
		rendering()
		_, of := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "two"})
		s.until(t, "ConversationChanged")
		if texts := rendering(); len(texts) != 1 || !strings.Contains(texts[0], "conversation_views") {
			t.Errorf("ConversationChanged took %q", texts)
		}
		id, _ := relay.ID(of["id"].(string)).Row(ent.ConversationPrefix)
		a.settled(t)
		s.until(t, "CursorMoved")
		newEpoch(t, a.db)
		s.until(t, "ResyncRequired")
		if texts := rendering(); len(texts) > 0 {
			t.Errorf("CursorMoved and ResyncRequired took %q", texts)
		}
		for _, statement := range []string{
			"DELETE FROM conversation_members WHERE conversation_id = $1",
			"SELECT write_feeds(ARRAY['" + bob.Account().String() + "'::uuid], ARRAY['conversation'], ARRAY[$1::uuid])",
		} {
			if _, err := a.db.SQL.ExecContext(t.Context(), statement, id); err != nil {
				t.Fatal(err)
			}
		}
		s.until(t, "SubjectGone")
		if texts := rendering(); len(texts) != 1 || !strings.Contains(texts[0], "conversation_views") {
			t.Errorf("SubjectGone took %q", texts)
		}
	})
}
