package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// inboxQuery is what a client's first screen asks for.
const inboxQuery = `query Inbox($first: Int!) {
	viewer { inbox(first: $first) {
		nodes {
			id kind title unreadCount
			otherMembers(first: 3) { id username displayName }
			lastMessage { id seq body isMine createdAt author { id displayName } }
		}
		pageInfo { hasNextPage endCursor }
	} }
}`

// How much of the inbox is asked for: statements must not depend on it.
const (
	few, usual, many = 1, 20, 100
	mostStatements   = 6
	connections      = 32
)

func measureInbox(ctx context.Context, b *bench) (rows []row, err error) {
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	people, busiest, err := fillInboxes(ctx, b.house, n)
	if err != nil {
		return nil, err
	}
	statements, err := countStatements(ctx, n, busiest)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{
		what:   fmt.Sprintf("inbox of %d, %d and %d conversations: SQL statements, who asks included", few, usual, many),
		goal:   goal{fmt.Sprintf("equal, ≤ %d", mostStatements), func(v float64) bool { return v <= mostStatements && areEqual(statements) }},
		values: statements,
	})
	stop, err := b.profile("inbox")
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	p50 := row{what: "inbox of 20 over HTTP, one at a time: p50", unit: "ms", goal: below(5, "ms")}
	p99 := row{what: "inbox of 20 over HTTP, one at a time: p99", unit: "ms"}
	own := row{what: "inbox of 20: CPU of Convene and the client", unit: "ms/request"}
	database := row{what: "inbox of 20: CPU of PostgreSQL", unit: "ms/request"}
	rate := row{what: fmt.Sprintf("inbox of 20 over HTTP, %d connections", connections), unit: "requests/s"}
	for round := range rounds {
		b.say("inbox: round %d of %d", round+1, rounds)
		alone, err := load(ctx, n, people, 1, b.during(1500*time.Millisecond))
		if err != nil {
			return rows, err
		}
		before := b.house.costs()
		together, err := load(ctx, n, people, connections, b.during(3*time.Second))
		if err != nil {
			return rows, err
		}
		each := b.house.costs().since(before).per(len(together.latencies))
		p50.values = append(p50.values, milliseconds(percentile(alone.latencies, 0.50)))
		p99.values = append(p99.values, milliseconds(percentile(alone.latencies, 0.99)))
		rate.values = append(rate.values, together.perSecond())
		own.values, database.values = each.appendTo(own.values, database.values)
		rate.beside = fmt.Sprintf("p99 %s ms", figure(milliseconds(percentile(together.latencies, 0.99))))
	}
	return append(rows, p50, p99, rate, own, database), nil
}

// fillInboxes gives some people an inbox of twenty each, and one person the largest page there is.
func fillInboxes(ctx context.Context, h *house, n *node) (people []person, busiest person, err error) {
	const extra = 4
	crowd, err := h.people(ctx, n, neighbours+extra)
	if err != nil {
		return nil, busiest, err
	}
	people, busiest = crowd[:neighbours], crowd[neighbours]
	if _, err := pairs(ctx, n, people, 30); err != nil {
		return nil, busiest, err
	}
	others := crowd[neighbours+1:]
	for i := range many {
		one, two := others[i%len(others)], others[(i+1)%len(others)]
		c, err := n.messaging.Open(ctx, fmt.Sprintf("Lunch %d", i), busiest.id, one.id, two.id)
		if err != nil {
			return nil, busiest, err
		}
		to := relay.NewID(ent.ConversationPrefix, c.ID)
		if _, err := n.messaging.Send(one.as(ctx), messaging.SendMessageInput{ConversationID: &to, Body: "Who is in?"}); err != nil {
			return nil, busiest, err
		}
	}
	return people, busiest, analyze(ctx, n.db)
}

// countStatements asks for pages of three sizes, each with a session that the node has not seen for a
// while: finding out who asks is then a statement too.
func countStatements(ctx context.Context, n *node, of person) ([]float64, error) {
	var counts []float64
	for _, first := range []int{few, usual, many} {
		body := inboxRequest(first)
		ctx, count := db.CountStatements(ctx)
		who, _, err := n.accounts.Authenticate(ctx, of.token)
		if err != nil {
			return nil, fmt.Errorf("find out who asks: %w", err)
		}
		r, err := http.NewRequestWithContext(viewer.With(ctx, who), http.MethodPost, "/graphql", strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		n.graph.ServeHTTP(w, r)
		if err := checkInbox(w.Body.Bytes(), first); err != nil {
			return nil, err
		}
		counts = append(counts, float64(count.Load()))
		// For a second the node believes what it knows of a session.
		if err := wait(ctx, 1100*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func areEqual(values []float64) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}

func inboxRequest(first int) string {
	body, err := json.Marshal(map[string]any{"query": inboxQuery, "variables": map[string]any{"first": first}})
	if err != nil {
		panic(err) // of a constant and a number
	}
	return string(body)
}

// checkInbox wants the whole page, so that nothing fast but wrong is measured.
func checkInbox(body []byte, first int) error {
	var answer struct {
		Errors []json.RawMessage
		Data   struct {
			Viewer struct {
				Inbox struct {
					Nodes []struct {
						LastMessage *struct{ Author *struct{ DisplayName string } }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read an inbox: %w", err)
	}
	nodes := answer.Data.Viewer.Inbox.Nodes
	if len(answer.Errors) > 0 || len(nodes) != first {
		return fmt.Errorf("the inbox has %d conversations and not %d: %.200s", len(nodes), first, body)
	}
	for _, c := range nodes {
		if c.LastMessage == nil || c.LastMessage.Author == nil {
			return fmt.Errorf("a conversation in the inbox lacks its last message or the author: %.200s", body)
		}
	}
	return nil
}
