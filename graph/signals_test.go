package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	startTyping = `mutation ($input: StartTypingInput!) { startTyping(input: $input) { until userErrors { message field code } } }`
	// signals shows what comes in words that one can compare.
	signals = `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) {
		__typename
		... on MessageSent { cursor message { body } }
		... on Typing { profile { id username displayName } until }
		... on PresenceChanged { profile { id username displayName } isOnline }
	} }`
	onlineMembers = `query ($id: ID!, $first: Int!) { conversation(id: $id) { onlineMembers(first: $first) { username } } }`
)

// pair is two nodes with one Redis and one database.
func pair(t *testing.T) (here, there *api) {
	t.Helper()
	return pairOn(t, testkit.RedisURL(t))
}

func pairOn(t *testing.T, url string) (here, there *api) {
	t.Helper()
	d := testkit.DB(t)
	node := func() *api {
		client, err := live.OpenRedis(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return newNode(t, d, live.Options{Redis: client})
	}
	return node(), node()
}

// circle makes a conversation of some people.
func (a *api) circle(t *testing.T, members ...viewer.Viewer) string {
	t.Helper()
	ids := make([]uuid.UUID, len(members))
	for i, m := range members {
		ids[i] = m.Account()
	}
	c, err := a.Messaging.Open(t.Context(), "the circle", ids...)
	if err != nil {
		t.Fatal(err)
	}
	return string(relay.NewID(ent.ConversationPrefix, c.ID))
}

func (a *api) types(t *testing.T, who viewer.Viewer, conversation string) {
	t.Helper()
	got := at(t, a.ok(t, who, startTyping, vars{"input": vars{"conversationId": conversation}}), "startTyping")
	if errs := at(t, got, "userErrors").([]any); len(errs) > 0 || at(t, got, "until") == nil {
		t.Fatalf("got %v", got)
	}
}

// in words: "Typing ada", "PresenceChanged ada true", "MessageSent hello".
func word(result string) string {
	field := func(name string) string {
		_, rest, found := strings.Cut(result, `"`+name+`":`)
		if !found {
			return ""
		}
		return " " + strings.Trim(rest[:strings.IndexAny(rest, ",}")], `"`)
	}
	return strings.TrimSpace(field("__typename")[1:] + field("username") + field("isOnline") + field("body"))
}

// wants waits for these results, in any order, and for nothing else before them.
func (s *subscriber) wants(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for range want {
		got = append(got, word(s.next(t)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// here waits until a node's subscription to Redis is there: a message comes at once then, not by the sweep.
func (a *api) stands(t *testing.T, s *subscriber, from *api, who viewer.Viewer, conversation string) {
	t.Helper()
	for try := 0; ; try++ {
		body := fmt.Sprint("try ", try)
		sent := time.Now()
		from.send(t, who, vars{"conversationId": conversation, "body": body})
		s.wants(t, "MessageSent "+body)
		if time.Since(sent) < 200*time.Millisecond && a.Hub.Listens(streamOf(conversation)) {
			return
		}
	}
}

func streamOf(conversation string) live.Key {
	_, row, _ := relay.ID(conversation).Split()
	return live.Key{Kind: messaging.StreamKind, ID: row}
}

func TestTyping(t *testing.T) {
	t.Parallel()
	here, there := pair(t)
	ada, bob, cy := here.person(t, "ada"), here.person(t, "bob"), here.person(t, "cyd")

	t.Run("the others are told on every node, who types is not", func(t *testing.T) {
		t.Parallel()
		id := here.circle(t, ada, bob, cy)
		own, far := here.watch(t, ada, signals, vars{"id": id}), there.watch(t, bob, signals, vars{"id": id})
		there.stands(t, far, here, cy, id)
		here.types(t, ada, id)
		far.wants(t, "Typing ada")
		here.send(t, ada, vars{"conversationId": id, "body": "typed"})
		far.wants(t, "MessageSent typed")
		for got := ""; got != "MessageSent typed"; {
			if got = word(own.next(t)); strings.HasPrefix(got, "Typing") {
				t.Fatal("Ada is told that she types")
			}
		}
	})
	t.Run("however often it is said, it is told once in a while, and always a success", func(t *testing.T) {
		t.Parallel()
		id := here.circle(t, ada, bob, cy)
		bobs := here.watch(t, bob, signals, vars{"id": id})
		for range 30 {
			here.types(t, ada, id)
		}
		here.types(t, cy, id)
		bobs.wants(t, "Typing ada", "Typing cyd")
	})
	t.Run("it counts for five seconds", func(t *testing.T) {
		t.Parallel()
		id := here.circle(t, ada, bob)
		got := at(t, here.ok(t, ada, startTyping, vars{"input": vars{"conversationId": id}}), "startTyping", "until").(string)
		until, err := time.Parse(time.RFC3339Nano, got)
		if left := time.Until(until); err != nil || left < 4*time.Second || left > 5*time.Second {
			t.Errorf("%v are left of %s, %v", left, got, err)
		}
	})
	t.Run("who does not select it is not told, as they would look for its cursor", func(t *testing.T) {
		t.Parallel()
		id := here.circle(t, ada, bob)
		const blind = `subscription ($id: ID!, $with: Boolean = false) { conversationUpdates(conversationId: $id) {
			__typename ... on MessageSent { cursor message { body } } ... on Typing @include(if: $with) { until }
		} }`
		before, asking := here.watch(t, bob, blind, vars{"id": id}), here.watch(t, bob, blind, vars{"id": id, "with": true})
		here.types(t, ada, id)
		asking.wants(t, "Typing")
		here.send(t, ada, vars{"conversationId": id, "body": "typed"})
		before.wants(t, "MessageSent typed")
	})
	t.Run("it is refused where and as sending is", func(t *testing.T) {
		t.Parallel()
		eve, fay, gus := here.person(t, "eve"), here.person(t, "fay"), here.person(t, "gus")
		_, c := here.send(t, fay, vars{"recipientId": profileID(gus), "body": "hello"})
		same := func(what string, who viewer.Viewer, conversation any, want string) {
			t.Helper()
			typing := here.refusal(t, who, startTyping, vars{"conversationId": conversation})
			sending := here.refusal(t, who, sendMessage, vars{"conversationId": conversation, "body": "x"})
			if typing != sending || typing != want {
				t.Errorf("%s: typing is refused by %s, sending by %s, want %s", what, typing, sending, want)
			}
		}
		same("a stranger", eve, c["id"], "NOT_FOUND[input conversationId]")
		same("a conversation that there is not", eve, nobodyID(ent.ConversationPrefix), "NOT_FOUND[input conversationId]")
		here.ok(t, fay, block, vars{"input": vars{"profileId": profileID(gus)}})
		same("who blocks", fay, c["id"], "CANNOT_MESSAGE[input conversationId]")
		same("who is blocked", gus, c["id"], "CANNOT_MESSAGE[input conversationId]")
		here.ok(t, fay, unblock, vars{"input": vars{"profileId": profileID(gus)}})
		here.types(t, gus, c["id"].(string))

		nobody := here.do(t.Context(), t, viewer.Viewer{}, startTyping, vars{"input": vars{"conversationId": c["id"]}})
		if code := nobody.code(t); code != "UNAUTHENTICATED" {
			t.Errorf("nobody gets %s", code)
		}
		bad := here.do(t.Context(), t, fay, startTyping, vars{"input": vars{"conversationId": profileID(gus)}})
		if code := bad.code(t); code != "BAD_REQUEST" {
			t.Errorf("another thing's id gets %s", code)
		}
	})
	t.Run("a curtain hides it both ways, and nobody else notices", func(t *testing.T) {
		t.Parallel()
		hal, ida, joe := here.person(t, "hal"), here.person(t, "ida"), here.person(t, "joe")
		for _, blockedFirst := range []bool{false, true} {
			here.ok(t, ida, unblock, vars{"input": vars{"profileId": profileID(hal)}})
			if blockedFirst { // the curtain is older than what anybody sees
				here.ok(t, ida, block, vars{"input": vars{"profileId": profileID(hal)}})
			}
			id := here.circle(t, hal, ida, joe)
			hals, idas, joes := here.watch(t, hal, signals, vars{"id": id}), here.watch(t, ida, signals, vars{"id": id}), here.watch(t, joe, signals, vars{"id": id})
			if !blockedFirst {
				here.ok(t, ida, block, vars{"input": vars{"profileId": profileID(hal)}})
			}
			here.types(t, hal, id)
			here.types(t, ida, id)
			joes.wants(t, "Typing hal", "Typing ida")
			here.types(t, joe, id)
			hals.wants(t, "Typing joe")
			idas.wants(t, "Typing joe")
		}
	})
	t.Run("both executions give the same, byte for byte", func(t *testing.T) {
		t.Parallel()
		id := here.circle(t, ada, bob, cy)
		shared, stock := here.watch(t, bob, signals, vars{"id": id}), here.stock(t, bob, signals, vars{"id": id})
		here.types(t, ada, id)
		if a, b := shared.next(t), stock.next(t); a != b || word(a) != "Typing ada" {
			t.Errorf("shared %s\nstock  %s", a, b)
		}
	})
}

// On a cluster, what nodes tell each other goes by many servers.
func TestSignalsOnACluster(t *testing.T) {
	t.Parallel()
	here, there := pairOn(t, testkit.Cluster(t).URL())
	ada, bob, cy := here.person(t, "ada"), here.person(t, "bob"), here.person(t, "cyd")
	for range 5 { // conversations are on several servers
		id := here.circle(t, ada, bob, cy)
		bobs := there.watch(t, bob, signals, vars{"id": id})
		there.stands(t, bobs, here, cy, id)
		here.types(t, ada, id)
		bobs.wants(t, "Typing ada")
	}
	id := here.circle(t, ada, bob, cy)
	bobs := there.watch(t, bob, signals, vars{"id": id})
	there.stands(t, bobs, here, cy, id)
	leave := here.Presence.Enter(ada.Account())
	bobs.wants(t, "PresenceChanged ada true")
	there.sees(t, bob, id, "[ada]")
	here.ok(t, ada, block, vars{"input": vars{"profileId": profileID(bob)}})
	bobs.wants(t, "PresenceChanged ada false")
	there.sees(t, bob, id, "[]")
	here.types(t, ada, id)
	here.send(t, cy, vars{"conversationId": id, "body": "nobody types"})
	bobs.wants(t, "MessageSent nobody types")
	there.sees(t, cy, id, "[ada]")
	leave()
}
