package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/viewer"
)

// A subscriber of the tests takes results from any number of goroutines.
type subscriber struct {
	results chan string
	errs    chan gqlerror.List
}

func newSubscriber() *subscriber {
	return &subscriber{results: make(chan string, 100), errs: make(chan gqlerror.List, 1)}
}

func (s *subscriber) Next(result []byte, _ string) { s.results <- string(result) }
func (s *subscriber) Error(errs gqlerror.List)     { s.errs <- errs }
func (s *subscriber) Complete()                    {}

func (s *subscriber) next(t testing.TB) string {
	t.Helper()
	select {
	case r := <-s.results:
		return r
	case errs := <-s.errs:
		t.Fatalf("refused: %v", errs)
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return ""
}

// until reads until something with a word in it comes.
func (s *subscriber) until(t testing.TB, word string) {
	t.Helper()
	for got := ""; !strings.Contains(got, word); {
		got = s.next(t)
	}
}

// watch subscribes by the shared execution.
func (a *api) watch(t testing.TB, v viewer.Viewer, query string, variables vars) *subscriber {
	t.Helper()
	ctx := graphql.StartOperationTrace(viewer.With(t.Context(), v))
	op, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	s := newSubscriber()
	transport.NewShared(a.exec, a.Hub).Subscribe(ctx, op, s)
	return s
}

// stock subscribes by gqlgen's own execution.
func (a *api) stock(t testing.TB, v viewer.Viewer, query string, variables vars) *subscriber {
	t.Helper()
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(viewer.With(t.Context(), v)))
	t.Cleanup(cancel)
	op, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	next, ctx := a.exec.DispatchOperation(ctx, op)
	s := newSubscriber()
	go func() {
		for r := next(ctx); r != nil; r = next(ctx) {
			if len(r.Errors) > 0 {
				s.Error(r.Errors)
				return
			}
			s.Next([]byte(`{"data":`+string(r.Data)+`}`), "")
		}
	}()
	return s
}

const updates = `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) {
	__typename
	... on MessageSent { cursor message { ...m } }
	... on MessageEdited { cursor message { ...m } }
	... on MessageDeleted { cursor message { ...m } }
	... on ResyncRequired { reason cursor }
} }
fragment m on Message { id seq body isMine author { id username displayName } createdAt editedAt isDeleted version }`

func TestSharedExecution(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	_, c := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "zero"})
	id := c["id"]
	variables := vars{"id": id}

	t.Run("everybody gets what gqlgen's own execution would give them, byte for byte", func(t *testing.T) {
		pairs := [][2]*subscriber{}
		for _, v := range []viewer.Viewer{ada, bob} {
			pairs = append(pairs, [2]*subscriber{a.watch(t, v, updates, variables), a.stock(t, v, updates, variables)})
		}
		m, _ := a.send(t, ada, vars{"conversationId": id, "body": "one \"quoted\" \u2028 🥪"})
		a.send(t, bob, vars{"conversationId": id, "body": "two"})
		a.ok(t, ada, `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code } } }`, vars{"input": vars{"messageId": m["id"], "body": "eins"}})
		a.ok(t, ada, `mutation ($input: DeleteMessageInput!) { deleteMessage(input: $input) { userErrors { code } } }`, vars{"input": vars{"messageId": m["id"]}})
		for i := range 4 {
			for who, p := range pairs {
				shared, stock := p[0].next(t), p[1].next(t)
				if shared != stock {
					t.Fatalf("update %d for %d:\nshared %s\nstock  %s", i, who, shared, stock)
				}
				isMine := strings.Contains(shared, `"isMine":true`)
				if want := (who == 0) != (i == 1); isMine != want {
					t.Fatalf("update %d for %d: isMine is %v", i, who, isMine)
				}
			}
		}
	})
	t.Run("a field that depends on who asks is rendered for each, up to twenty, and up to four for one person", func(t *testing.T) {
		people := []viewer.Viewer{ada, bob}
		for i := range 4 {
			people = append(people, a.person(t, fmt.Sprint("tabs", i)))
		}
		var members []uuid.UUID
		for _, p := range people {
			members = append(members, p.Account())
		}
		c, err := a.Messaging.Open(t.Context(), "many tabs", members...)
		if err != nil {
			t.Fatal(err)
		}
		variables := vars{"id": string(c.GlobalID())}
		const own = `subscription ($id: ID!) { conversationUpdates(conversationId: $id) { ... on MessageSent { message { body replyTo { body } author { profile { isViewer } } } } } }`
		isRefused := func(s *subscriber) {
			t.Helper()
			select {
			case errs := <-s.errs:
				if code := fmt.Sprint(errs[0].Extensions["code"]); code != "QUERY_TOO_COMPLEX" || fmt.Sprint(errs[0].Extensions["argument"]) != "[conversationUpdates message replyTo]" {
					t.Fatalf("got %v", errs)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("one too many was not refused")
			}
		}
		var all []*subscriber
		for i := range 20 {
			all = append(all, a.watch(t, people[i%5], own, variables))
			if i == 15 { // ada has four by now, and there is room for four more
				isRefused(a.watch(t, people[0], own, variables)) // a fifth of one person
			}
		}
		isRefused(a.watch(t, people[5], own, variables))
		a.send(t, ada, vars{"conversationId": variables["id"], "body": "to each"})
		for i, s := range all {
			if got := s.next(t); strings.Contains(got, `"isViewer":true`) != (i%5 == 0) {
				t.Fatalf("%d got %s", i, got)
			}
		}
	})
	t.Run("what was rendered for one person's eyes is not kept for their next look", func(t *testing.T) {
		cy := a.person(t, "cyd")
		_, c := a.send(t, ada, vars{"recipientId": profileID(cy), "body": "zero"})
		const own = `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) { ... on MessageSent { message { body author { profile { displayName } } } } } }`
		cursor := at(t, a.ok(t, cy, `query ($id: ID!) { conversation(id: $id) { cursor } }`, vars{"id": c["id"]}), "conversation", "cursor")
		first := a.watch(t, cy, own, vars{"id": c["id"]})
		a.send(t, ada, vars{"conversationId": c["id"], "body": "while friends"})
		if got := first.next(t); !strings.Contains(got, "Name of ada") {
			t.Fatalf("got %s", got)
		}
		a.ok(t, ada, block, vars{"input": vars{"profileId": profileID(cy)}})
		if got := a.watch(t, cy, own, vars{"id": c["id"], "after": cursor}).next(t); strings.Contains(got, "Name of ada") {
			t.Fatalf("after the block: %s", got)
		}
	})
	t.Run("whoever may not subscribe is refused by their own resolver", func(t *testing.T) {
		eve := a.watch(t, a.person(t, "eve"), updates, variables)
		if errs := <-eve.errs; fmt.Sprint(errs[0].Extensions["code"]) != "FORBIDDEN" {
			t.Fatalf("got %v", errs)
		}
		nobody := a.watch(t, viewer.Viewer{}, updates, variables)
		if errs := <-nobody.errs; fmt.Sprint(errs[0].Extensions["code"]) != "UNAUTHENTICATED" {
			t.Fatalf("got %v", errs)
		}
		bad := a.watch(t, bob, updates, vars{"id": id, "after": "nonsense"})
		if errs := <-bad.errs; fmt.Sprint(errs[0].Extensions["code"]) != "BAD_REQUEST" {
			t.Fatalf("got %v", errs)
		}
	})
	t.Run("one resumes by the cursor of the last update", func(t *testing.T) {
		first := a.watch(t, bob, updates, variables)
		a.send(t, ada, vars{"conversationId": id, "body": "last seen"})
		var result struct {
			Data struct {
				ConversationUpdates struct{ Cursor string }
			}
		}
		if err := json.Unmarshal([]byte(first.next(t)), &result); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			a.send(t, ada, vars{"conversationId": id, "body": fmt.Sprint("missed ", i)})
		}
		again := a.watch(t, bob, updates, vars{"id": id, "after": result.Data.ConversationUpdates.Cursor})
		for i := range 3 {
			if got := again.next(t); !strings.Contains(got, fmt.Sprint("missed ", i)) {
				t.Fatalf("got %s", got)
			}
		}
	})
}
