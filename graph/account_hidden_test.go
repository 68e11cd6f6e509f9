package graph_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/viewer"
)

const messageUpdates = `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) {
	__typename
	... on MessageSent { cursor message { body author { username } } }
	... on ResyncRequired { reason cursor }
} }`

// Others see somebody vanish and return, in what is asked for and in what is live, while their own subscriptions go on.
func TestVanishing(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	// Without Redis the other node hears by the sweep.
	b := newNode(t, a.db, live.Options{Sweep: 100 * time.Millisecond})
	const login = "zoe"
	zoe, bob, cy := a.person(t, login), a.person(t, "bob"), a.person(t, "cyd")
	dan := a.person(t, "dan")
	a.ok(t, cy, block, vars{"input": vars{"profileId": profileID(dan)}})
	blockOf := func(who viewer.Viewer) any {
		t.Helper()
		return at(t, a.ok(t, who, `{ viewer { blocks { nodes { blocked { username } } } } }`, nil), "viewer", "blocks", "nodes", 0, "blocked")
	}
	_, direct := a.send(t, zoe, vars{"recipientId": profileID(bob), "body": "hello Bob"})
	circle := a.circle(t, zoe, bob, cy)
	a.send(t, zoe, vars{"conversationId": circle, "body": "hello all"})
	his, _ := a.send(t, bob, vars{"conversationId": direct["id"], "body": "hello Zoe"})
	a.Presence.Enter(zoe.Account())
	a.sees(t, bob, circle, "[zoe]")

	before := at(t, a.ok(t, bob, `query ($id: ID!) { conversation(id: $id) { cursor } }`, vars{"id": circle}), "conversation", "cursor")
	feeds, follower := newApp(bob), a.watch(t, bob, messageUpdates, vars{"id": circle, "after": before})
	a.settled(t)
	feeds.connect(t, a)
	elsewhere := b.watch(t, bob, messageUpdates, vars{"id": circle, "after": before})
	if got := feeds.updates(); !slices.Equal(got, []string{"CursorMoved"}) {
		t.Fatalf("greeted with %v", got)
	}
	told := func(what string) {
		t.Helper()
		a.settled(t)
		feeds.catchesUp(t, a)
		if got := feeds.updates(); !slices.Equal(got, []string{"ConversationChanged", "ConversationChanged"}) {
			t.Errorf("%s: the feed has %v", what, got)
		}
		feeds.settles(t, a)
	}
	goes := func() {
		t.Helper()
		if got := codes(t, at(t, a.ok(t, zoe, `mutation { deactivateAccount { userErrors { code } } }`, nil), "deactivateAccount")); got != nil {
			t.Fatal(got)
		}
	}
	if blockOf(cy) == nil {
		t.Error("Cyd does not see whom she blocks")
	}
	if _, err := a.Accounts.Deactivate(viewer.With(t.Context(), dan)); err != nil {
		t.Fatal(err)
	}
	goes()
	told("deactivated")
	a.sees(t, bob, circle, "[]")

	// A request that was let in just before is refused behind it, and so is what others would write to her.
	for name, c := range map[string]struct {
		who   viewer.Viewer
		input vars
		want  string
	}{
		"she writes to the circle":   {zoe, vars{"conversationId": circle, "body": "still here"}, "NOT_FOUND[input conversationId]"},
		"she writes to Bob":          {zoe, vars{"conversationId": direct["id"], "body": "still here"}, "NOT_FOUND[input conversationId]"},
		"she writes to somebody new": {zoe, vars{"recipientId": profileID(cy), "body": "hello"}, "CANNOT_MESSAGE[input recipientId]"},
		"Bob writes to her":          {bob, vars{"conversationId": direct["id"], "body": "where are you?"}, "CANNOT_MESSAGE[input conversationId]"},
		"somebody new writes to her": {cy, vars{"recipientId": profileID(zoe), "body": "hello"}, "CANNOT_MESSAGE[input recipientId]"},
		"nobody is written to":       {cy, vars{"recipientId": nobodyID(ent.ProfilePrefix), "body": "hello"}, "CANNOT_MESSAGE[input recipientId]"},
	} {
		if got := a.refusal(t, c.who, sendMessage, c.input); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	const edit = `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code field } } }`
	if got := a.refusal(t, bob, edit, vars{"messageId": his["id"], "body": "hello?"}); got != "CANNOT_MESSAGE[input messageId]" {
		t.Errorf("Bob edits: %s", got)
	}
	const typing = `mutation ($input: StartTypingInput!) { startTyping(input: $input) { userErrors { code field } } }`
	if got := a.refusal(t, bob, typing, vars{"conversationId": direct["id"]}); got != "CANNOT_MESSAGE[input conversationId]" {
		t.Errorf("Bob types: %s", got)
	}
	if got := a.refusal(t, zoe, typing, vars{"conversationId": circle}); got != "NOT_FOUND[input conversationId]" {
		t.Errorf("she types: %s", got)
	}
	if got := blockOf(cy); got != nil {
		t.Errorf("of whom Cyd blocks, who is hidden as well, she sees %v", got)
	}
	a.send(t, cy, vars{"conversationId": circle, "body": "where is she?"})
	for _, s := range []*subscriber{follower, elsewhere} {
		if got, want := s.next(t), `{"data":{"conversationUpdates":{"__typename":"MessageSent"`; len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("got %s", got)
		}
	}
	a.settled(t)
	feeds.catchesUp(t, a)
	feeds.updates()

	// Back: all as before.
	in, err := a.Accounts.SignIn(t.Context(), account.SignInInput{Login: login, Password: password, Reactivate: true})
	if err != nil {
		t.Fatal(err)
	}
	zoe = in.Viewer
	told("back")
	a.sees(t, bob, circle, "[zoe]")
	a.send(t, zoe, vars{"conversationId": circle, "body": "here again"})
	follower.until(t, `"body":"here again","author":{"username":"zoe"}`)
	elsewhere.until(t, `"body":"here again","author":{"username":"zoe"}`)

	// Another name: told as well.
	a.settled(t)
	feeds.catchesUp(t, a)
	feeds.updates()
	if _, err := a.Accounts.ChangeUsername(viewer.With(t.Context(), zoe), account.ChangeUsernameInput{Username: "zoe.z"}); err != nil {
		t.Fatal(err)
	}
	told("renamed")

	// Erased: who listens goes on, and who resumes from before is told to fetch afresh: no node gives old texts.
	_, err = a.Accounts.EraseOf(viewer.AsOperator(t.Context()), account.EraseAccountInput{AccountID: relay.NewID(ent.AccountPrefix, zoe.Account()), Now: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Accounts.EraseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.send(t, cy, vars{"conversationId": circle, "body": "gone"})
	follower.until(t, `"body":"gone"`)
	elsewhere.until(t, `"body":"gone"`)
	for name, n := range map[string]*api{"here": a, "there": b} {
		if got := n.watch(t, bob, messageUpdates, vars{"id": circle, "after": before}).next(t); !strings.Contains(got, "CURSOR_TOO_OLD") {
			t.Errorf("resumed %s: got %s", name, got)
		}
	}
	feeds.settles(t, a)
}
