package graph_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

// A crowd are many people in one conversation, each signed in.
type crowd struct {
	*api
	url    string
	people []viewer.Viewer
	tokens []string
	id     string
}

func newCrowd(t *testing.T, size int) *crowd {
	t.Helper()
	c := &crowd{url: testkit.DatabaseURL(t)}
	c.api = newNode(t, testkit.Open(t, c.url), live.Options{})
	access := token.NewAccess(c.Ring, "convene", time.Now)
	accounts, sessions := make([]uuid.UUID, size), make([]uuid.UUID, size)
	for i := range size {
		accounts[i], sessions[i] = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		signed, _, err := access.Sign(accounts[i], sessions[i], time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		c.people, c.tokens = append(c.people, viewer.OfPerson(accounts[i], sessions[i])), append(c.tokens, signed)
	}
	for _, statement := range []string{
		`INSERT INTO accounts (id, username, email, email_claimed_at, password_hash)
			SELECT a, 'crowd' || n, 'crowd' || n || '@example.org', now(), 'none' FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (a, s, n)`,
		`INSERT INTO profiles (id, username, display_name)
			SELECT a, 'crowd' || n, 'Crowd ' || n FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (a, s, n)`,
		`INSERT INTO auth_sessions (id, account_id, device_label, generation, is_cookie, rotated_at, last_used_at, expires_at, ends_at)
			SELECT s, a, '', 0, false, now(), now(), now() + interval '1 day', now() + interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) AS c (a, s)`,
	} {
		if _, err := c.db.SQL.ExecContext(t.Context(), statement, accounts, sessions); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := c.Messaging.Open(t.Context(), "everybody", accounts...)
	if err != nil {
		t.Fatal(err)
	}
	c.id = string(opened.GlobalID())
	return c
}

func (c *crowd) say(t *testing.T, n int) (cursors []string) {
	t.Helper()
	const ask = `query ($id: ID!) { conversation(id: $id) { cursor } }`
	for i := range n {
		cursors = append(cursors, at(t, c.ok(t, c.people[0], ask, vars{"id": c.id}), "conversation", "cursor").(string))
		c.send(t, c.people[0], vars{"conversationId": c.id, "body": fmt.Sprint("missed ", i)})
	}
	return cursors
}

// restarted is a node that knows nothing yet, and what it asks PostgreSQL.
func (c *crowd) restarted(t *testing.T) (*api, *testkit.Heard) {
	t.Helper()
	d, heard := testkit.Overhear(t, c.url)
	return newNode(t, d, live.Options{Sweep: time.Hour}), heard
}

// comeBack authenticates and subscribes as a client does that was cut off.
func comeBack(ctx context.Context, a *api, token, query string, variables vars) (*subscriber, error) {
	v, _, err := a.Accounts.Authenticate(ctx, token)
	if err != nil {
		return nil, err
	}
	ctx = graphql.StartOperationTrace(viewer.With(ctx, v))
	op, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		return nil, errs
	}
	s := newSubscriber()
	transport.NewShared(a.exec, a.Hub).Subscribe(ctx, op, s)
	select {
	case errs := <-s.errs:
		return nil, errs
	default:
		return s, nil
	}
}

func TestHundredsComeBackAtOnce(t *testing.T) {
	t.Parallel()
	const size, behind = 400, 20
	c := newCrowd(t, size)
	cursors := c.say(t, behind)

	t.Run("to one conversation, cut off at different moments: one history for all, and each their own checks", func(t *testing.T) {
		a, heard := c.restarted(t)
		// One has a curtain to the author, hung up after all that was said, and is rendered for alone.
		c.ok(t, c.people[8], block, vars{"input": vars{"profileId": profileID(c.people[0])}})
		var clients sync.WaitGroup
		for i, token := range c.tokens {
			clients.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				t.Cleanup(cancel)
				if i%50 == 9 { // some give up at once
					go cancel()
				}
				s, err := comeBack(ctx, a, token, canonical["conversationUpdates"], vars{"id": c.id, "after": cursors[i%behind]})
				if i%50 == 9 {
					return
				}
				if err != nil {
					t.Errorf("%d: %v", i, err)
					return
				}
				for k := i % behind; k < behind; k++ {
					if got := s.next(t); !strings.Contains(got, fmt.Sprintf(`"body":"missed %d"`, k)) {
						t.Errorf("%d: got %s, want %d", i, got, k)
						return
					}
				}
			})
		}
		clients.Wait()
		reads, sessions, sights := heard.About("floor_seq, e.seq"), heard.About("FROM auth_sessions"), heard.About("me.joined_seq,\n")
		t.Logf("%d reads of history, %d statements for sessions, %d for memberships and curtains", len(reads), len(sessions), len(sights))
		// How many gather depends on how busy the machine is; one each would be 400.
		if len(reads) > 5 || len(sessions) > size/4 || len(sights) > size/4 || len(sessions) == 0 || len(sights) == 0 {
			t.Errorf("%d reads of history, %d statements for sessions, %d for memberships and curtains", len(reads), len(sessions), len(sights))
		}
	})
	t.Run("each to their own feed: the heads are read together", func(t *testing.T) {
		a, heard := c.restarted(t)
		var clients sync.WaitGroup
		for i, token := range c.tokens {
			clients.Go(func() {
				s, err := comeBack(t.Context(), a, token, canonical["updates"], nil)
				if err != nil {
					t.Errorf("%d: %v", i, err)
					return
				}
				if got := s.next(t); !strings.Contains(got, "CursorMoved") {
					t.Errorf("%d: got %s", i, got)
				}
			})
		}
		clients.Wait()
		if heads := heard.About("feeds f "); len(heads) > size/4 || len(heads) == 0 {
			t.Errorf("the heads of %d feeds took %d statements", size, len(heads))
		}
	})
}

// A connection that breaks is told to all who were asked for over it, and to nobody else.
func TestAFaultReachesAllOfABatch(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 60)
	a, heard := c.restarted(t)
	ctx := t.Context()
	lock, err := c.db.SQL.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(ctx, "LOCK TABLE conversation_members IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	outcomes := make(chan error, len(c.people))
	subscribe := func(v viewer.Viewer) {
		_, err := a.Messaging.Updates(viewer.With(ctx, v), relay.ID(c.id), nil)
		outcomes <- err
	}
	asked := func(times int) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); len(heard.About("me.joined_seq,\n")) < times; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("asked %d times", len(heard.About("me.joined_seq,\n")))
			}
		}
	}
	cut := func() { // also what the pool tries again on another connection
		_, err := c.db.SQL.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%me.joined_seq,%'`)
		if err != nil {
			t.Fatal(err)
		}
	}
	go subscribe(c.people[0])
	asked(1)
	for _, v := range c.people[1:] {
		go subscribe(v)
	}
	for failed := 0; failed < len(c.people); {
		select {
		case err := <-outcomes:
			if failed++; err == nil || graph.PresentError(ctx, err).Extensions["code"] != fault.CodeUnavailable {
				t.Fatalf("got %v", err)
			}
		case <-time.After(10 * time.Millisecond):
			cut()
		}
	}
	if n := len(heard.About("me.joined_seq,\n")); n > 20 {
		t.Errorf("asked %d times", n)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	subscribe(c.people[3])
	if err := <-outcomes; err != nil {
		t.Fatalf("afterwards: %v", err)
	}
}
