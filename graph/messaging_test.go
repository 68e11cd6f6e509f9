package graph_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

const sendMessage = `mutation ($input: SendMessageInput!) { sendMessage(input: $input) {
	message { id seq body isMine isDeleted version createdAt author { id username displayName } replyTo { id } }
	conversation { id unreadCount }
	userErrors { message field code }
} }`

const inbox = `query ($first: Int!, $after: String) { viewer { inbox(first: $first, after: $after) {
	nodes { id kind title otherMembers { id username displayName } lastMessage { id seq body isMine author { username } } unreadCount readThroughSeq lastVisitAt cursor }
	edges { cursor }
	pageInfo { hasNextPage endCursor }
} } }`

const history = `query ($id: ID!, $first: Int!, $after: String, $order: MessageOrder!) { conversation(id: $id) {
	id messages(first: $first, after: $after, order: $order) {
		nodes { id seq body isMine author { username displayName profile { id } } replyTo { body author { username } } createdAt }
		pageInfo { hasNextPage endCursor }
	}
} }`

func profileID(v viewer.Viewer) string { return string(relay.NewID(ent.ProfilePrefix, v.Account())) }

// send sends a message that must arrive, and answers message and conversation.
func (a *api) send(t testing.TB, from viewer.Viewer, input vars) (message, conversation map[string]any) {
	t.Helper()
	got := at(t, a.ok(t, from, sendMessage, vars{"input": input}), "sendMessage").(map[string]any)
	if errs := got["userErrors"].([]any); len(errs) > 0 {
		t.Fatalf("refused: %v", errs)
	}
	return got["message"].(map[string]any), got["conversation"].(map[string]any)
}

// refusal is the code and the field of a mutation's only user error.
func (a *api) refusal(t testing.TB, v viewer.Viewer, mutation string, input vars) string {
	t.Helper()
	for _, payload := range a.ok(t, v, mutation, vars{"input": input}) {
		errs := at(t, payload, "userErrors").([]any)
		if len(errs) != 1 {
			t.Fatalf("got %v, want one user error", errs)
		}
		return fmt.Sprint(at(t, errs[0], "code"), at(t, errs[0], "field"))
	}
	return ""
}

func TestMessaging(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob, eve := a.person(t, "ada"), a.person(t, "bob"), a.person(t, "eve")

	t.Run("before the first message a default view shows both", func(t *testing.T) {
		got := a.ok(t, ada, `query ($id: ID!) { viewer { conversationWith(profileId: $id) { conversation { id } viewer { username } otherMember { username } } } }`, vars{"id": profileID(bob)})
		view := at(t, got, "viewer", "conversationWith")
		if at(t, view, "conversation") != nil || at(t, view, "viewer", "username") != "ada" || at(t, view, "otherMember", "username") != "bob" {
			t.Fatalf("got %v", view)
		}
	})
	message, conversation := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "Lunch on Thursday?"})
	id := conversation["id"]

	t.Run("the payload has the message as everybody will see it", func(t *testing.T) {
		if message["isMine"] != true || at(t, message, "author", "displayName") != "Name of ada" || message["seq"] != 1.0 || message["version"] != 1.0 {
			t.Fatalf("got %v", message)
		}
	})
	t.Run("the other one's inbox shows it unread, and read after reading", func(t *testing.T) {
		row := at(t, a.ok(t, bob, inbox, vars{"first": 20}), "viewer", "inbox", "nodes", 0)
		if at(t, row, "id") != id || at(t, row, "title") != "Name of ada" || at(t, row, "unreadCount") != 1.0 || at(t, row, "lastMessage", "isMine") != false {
			t.Fatalf("got %v", row)
		}
		got := a.ok(t, bob, `mutation ($input: MarkConversationReadInput!) { markConversationRead(input: $input) { conversation { unreadCount readThroughSeq } userErrors { code } } }`,
			vars{"input": vars{"conversationId": id, "throughSeq": 1}})
		if at(t, got, "markConversationRead", "conversation", "unreadCount") != 0.0 || at(t, got, "markConversationRead", "conversation", "readThroughSeq") != 1.0 {
			t.Fatalf("got %v", got)
		}
		a.ok(t, bob, `mutation ($input: VisitConversationInput!) { visitConversation(input: $input) { conversation { lastVisitAt } userErrors { code } } }`,
			vars{"input": vars{"conversationId": id}})
		if row := at(t, a.ok(t, bob, inbox, vars{"first": 20}), "viewer", "inbox", "nodes", 0); at(t, row, "lastVisitAt") == nil {
			t.Fatalf("got %v", row)
		}
	})
	t.Run("history is read newest first and oldest first, page by page, exactly", func(t *testing.T) {
		for i := range 9 {
			a.send(t, bob, vars{"conversationId": id, "body": fmt.Sprint("line ", i), "replyToId": message["id"]})
		}
		for _, order := range []string{"NEWEST_FIRST", "OLDEST_FIRST"} {
			var seqs []string
			variables := vars{"id": id, "first": 4, "order": order}
			for {
				page := at(t, a.ok(t, ada, history, variables), "conversation", "messages")
				for _, m := range at(t, page, "nodes").([]any) {
					seqs = append(seqs, fmt.Sprint(at(t, m, "seq")))
				}
				if at(t, page, "pageInfo", "hasNextPage") != true {
					break
				}
				variables["after"] = at(t, page, "pageInfo", "endCursor")
				// What arrives meanwhile moves no page.
				a.send(t, bob, vars{"conversationId": id, "body": "meanwhile"})
			}
			got := strings.Join(seqs, " ")
			want := map[string]string{
				"NEWEST_FIRST": "10 9 8 7 6 5 4 3 2 1", "OLDEST_FIRST": "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
			}[order]
			if got != want {
				t.Fatalf("%s: got %s, want %s", order, got, want)
			}
		}
	})
	t.Run("what is not one's own is as if it did not exist", func(t *testing.T) {
		if got := a.ok(t, eve, history, vars{"id": id, "first": 1, "order": "NEWEST_FIRST"}); got["conversation"] != nil {
			t.Fatalf("got %v", got)
		}
		nodes := a.ok(t, eve, `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`, vars{"ids": []any{id, message["id"], profileID(ada)}})
		if at(t, nodes, "nodes", 0) != nil || at(t, nodes, "nodes", 1) != nil || at(t, nodes, "nodes", 2, "__typename") != "Profile" {
			t.Fatalf("got %v", nodes)
		}
		edit := `mutation ($input: EditMessageInput!) { editMessage(input: $input) { message { id } userErrors { code field } } }`
		if got := a.refusal(t, eve, edit, vars{"messageId": message["id"], "body": "mine"}); got != "NOT_FOUND[input messageId]" {
			t.Fatalf("got %s", got)
		}
		read := `mutation ($input: MarkConversationReadInput!) { markConversationRead(input: $input) { conversation { id } userErrors { code field } } }`
		if got := a.refusal(t, eve, read, vars{"conversationId": id}); got != "NOT_FOUND[input conversationId]" {
			t.Fatalf("got %s", got)
		}
	})
	t.Run("editing and deleting answer the message as it is now", func(t *testing.T) {
		edit := `mutation ($input: EditMessageInput!) { editMessage(input: $input) { message { body version editedAt } userErrors { code } } }`
		got := a.ok(t, ada, edit, vars{"input": vars{"messageId": message["id"], "body": "Lunch on Friday?", "expectedVersion": 1}})
		if at(t, got, "editMessage", "message", "body") != "Lunch on Friday?" || at(t, got, "editMessage", "message", "version") != 2.0 {
			t.Fatalf("got %v", got)
		}
		got = a.ok(t, ada, edit, vars{"input": vars{"messageId": message["id"], "body": "late", "expectedVersion": 1}})
		if at(t, got, "editMessage", "userErrors", 0, "code") != "CONFLICT" || at(t, got, "editMessage", "message", "version") != 2.0 {
			t.Fatalf("got %v", got)
		}
		got = a.ok(t, ada, `mutation ($input: DeleteMessageInput!) { deleteMessage(input: $input) { message { body isDeleted author { username } } userErrors { code } } }`,
			vars{"input": vars{"messageId": message["id"]}})
		if at(t, got, "deleteMessage", "message", "body") != nil || at(t, got, "deleteMessage", "message", "isDeleted") != true {
			t.Fatalf("got %v", got)
		}
	})
}

func TestMessagingBadInput(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	_, conversation := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "hello"})
	id := conversation["id"].(string)
	inboxCursor := at(t, a.ok(t, ada, inbox, vars{"first": 1}), "viewer", "inbox", "edges", 0, "cursor")

	for name, c := range map[string]struct {
		query string
		vars  vars
		code  fault.Code
		at    string // the argument that the error names, with what comes before it
	}{
		"a NUL byte":             {sendMessage, vars{"input": vars{"conversationId": id, "body": "a\x00b"}}, fault.CodeBadRequest, "body"},
		"invalid UTF-8":          {sendMessage, vars{"input": vars{"conversationId": id, "body": "a\xffb"}}, fault.CodeBadRequest, "body"},
		"an escape character":    {sendMessage, vars{"input": vars{"conversationId": id, "body": "a\x1bb"}}, fault.CodeBadRequest, "body"},
		"a body that is none":    {sendMessage, vars{"input": vars{"conversationId": id, "body": 7}}, "GRAPHQL_VALIDATION_FAILED", ""},
		"an id that is none":     {sendMessage, vars{"input": vars{"conversationId": "conversation_1", "body": "x"}}, fault.CodeBadRequest, "conversationId"},
		"an id of another type":  {sendMessage, vars{"input": vars{"conversationId": profileID(bob), "body": "x"}}, fault.CodeBadRequest, "conversationId"},
		"neither target":         {sendMessage, vars{"input": vars{"body": "x"}}, fault.CodeBadRequest, "input"},
		"both targets":           {sendMessage, vars{"input": vars{"conversationId": id, "recipientId": profileID(bob), "body": "x"}}, fault.CodeBadRequest, "input"},
		"a key too long":         {sendMessage, vars{"input": vars{"conversationId": id, "body": "x", "idempotencyKey": strings.Repeat("k", 65)}}, fault.CodeBadRequest, "idempotencyKey"},
		"first 0":                {inbox, vars{"first": 0}, fault.CodeBadRequest, "first"},
		"first 101":              {inbox, vars{"first": 101}, fault.CodeBadRequest, "first"},
		"first -1":               {inbox, vars{"first": -1}, fault.CodeBadRequest, "first"},
		"first as a string":      {inbox, vars{"first": "10"}, fault.CodeBadRequest, "first"},
		"a cursor that is none":  {inbox, vars{"first": 1, "after": "nonsense"}, fault.CodeBadRequest, "after"},
		"a cursor of the inbox":  {history, vars{"id": id, "first": 1, "order": "NEWEST_FIRST", "after": inboxCursor}, fault.CodeBadRequest, "after"},
		"node with no id":        {`query ($id: ID!) { node(id: $id) { id } }`, vars{"id": "x"}, fault.CodeBadRequest, "id"},
		"too many nodes":         {`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": many(101, id)}, fault.CodeBadRequest, "ids"},
		"a subscription's first": {`query ($id: ID!) { conversation(id: $id) { otherMembers(first: 0) { id } } }`, vars{"id": id}, fault.CodeBadRequest, "first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := a.do(t.Context(), t, ada, c.query, c.vars)
			if len(got.Errors) == 0 {
				t.Fatalf("not refused: %v", got.Data)
			}
			err := got.Errors[0]
			if code := fmt.Sprint(err.Extensions["code"]); code != string(c.code) {
				t.Fatalf("got %s (%s), want %s", code, err.Message, c.code)
			}
			if c.at == "" {
				return
			}
			named, _ := err.Extensions["argument"].([]string)
			if len(named) == 0 || named[len(named)-1] != c.at {
				t.Fatalf("the error names %v, want %s: %v", named, c.at, err)
			}
		})
	}
	t.Run("4001 characters are refused with the field", func(t *testing.T) {
		t.Parallel()
		got := a.refusal(t, ada, sendMessage, vars{"conversationId": id, "body": strings.Repeat("x", 4001)})
		if got != "BODY_INVALID[input body]" {
			t.Fatalf("got %s", got)
		}
	})
	t.Run("signed out there is no viewer, no node, and nothing to do", func(t *testing.T) {
		t.Parallel()
		got := a.ok(t, viewer.Viewer{}, `query ($id: ID!) { viewer { profile { id } } node(id: $id) { id } conversation(id: $id) { id } profile(username: "ada") { id } }`, vars{"id": id})
		for name, value := range got {
			if value != nil {
				t.Errorf("%s: got %v", name, value)
			}
		}
		if code := a.do(t.Context(), t, viewer.Viewer{}, sendMessage, vars{"input": vars{"conversationId": id, "body": "x"}}).code(t); code != fault.CodeUnauthenticated {
			t.Fatalf("got %s", code)
		}
	})
}

func many(n int, id string) []any {
	ids := make([]any, n)
	for i := range ids {
		ids[i] = id
	}
	return ids
}

// A statement that is given up at the request's deadline is the server's slowness, and no fault of its code.
func TestAStatementThatTakesTooLong(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := testkit.Person(t, a.db, "ada"), testkit.Person(t, a.db, "bob")
	me := viewer.OfPerson(ada, ada)
	m, _ := a.send(t, me, vars{"recipientId": profileID(viewer.OfPerson(bob, bob)), "body": "hello"})
	lock, err := a.db.SQL.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(t.Context(), "SELECT 1 FROM conversations FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	got := a.do(ctx, t, me, `mutation ($input: DeleteMessageInput!) { deleteMessage(input: $input) { userErrors { code } } }`,
		vars{"input": vars{"messageId": m["id"]}})
	if code := got.code(t); code != fault.CodeTimeout {
		t.Fatalf("got %s: %v", code, got.Errors)
	}
}

// The number of statements of a query does not depend on the number of rows.
func TestStatementCounts(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	var id any
	for i := range 20 {
		// People are made cheaply: the password's hash is not what is measured.
		other := a.bare(t, fmt.Sprint("other", i))
		_, c := a.send(t, ada, vars{"recipientId": profileID(other), "body": "hello"})
		a.send(t, other, vars{"conversationId": c["id"], "body": "hi"})
		a.Presence.Enter(other.Account())
	}
	a.Presence.Enter(bob.Account())
	first, c := a.send(t, bob, vars{"recipientId": profileID(ada), "body": "hello"})
	id = c["id"]
	for i := range 30 {
		a.send(t, []viewer.Viewer{ada, bob}[i%2], vars{"conversationId": id, "body": "line", "replyToId": first["id"]})
	}
	for _, q := range []struct {
		name, query string
		vars        func(rows int) vars
		want        int64
	}{
		{"the inbox", inbox, func(rows int) vars { return vars{"first": rows} }, 1},
		{
			"the inbox with more members", `query ($first: Int!) { viewer { inbox(first: $first) { nodes { id otherMembers(first: 10) { username profile { displayName } } lastMessage { author { profile { username } } } } } } }`,
			func(rows int) vars { return vars{"first": rows} }, 4,
		},
		{
			"the inbox with who is online", `query ($first: Int!) { viewer { inbox(first: $first) { nodes { id onlineMembers { username profile { displayName } } } } } }`,
			func(rows int) vars { return vars{"first": rows} }, 3,
		},
		{"the history", history, func(rows int) vars { return vars{"id": id, "first": rows, "order": "NEWEST_FIRST"} }, 6},
	} {
		for _, rows := range []int{1, 5, 20} {
			ctx, n := db.CountStatements(t.Context())
			if got := a.do(ctx, t, ada, q.query, q.vars(rows)); len(got.Errors) > 0 {
				t.Fatalf("%s: %v", q.name, got.Errors)
			}
			if n.Load() != q.want {
				t.Errorf("%s of %d rows took %d statements, want %d", q.name, rows, n.Load(), q.want)
			}
		}
	}
}

// bare is a person without the cost of a password.
func (a *api) bare(t testing.TB, username string) viewer.Viewer {
	t.Helper()
	id := testkit.Person(t, a.db, username)
	return viewer.OfPerson(id, id)
}
