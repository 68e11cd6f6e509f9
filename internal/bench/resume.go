package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/token"
)

const (
	resumeClients = 5000
	resumeShort   = 1000
	resumeBehind  = 20 // messages that each has missed
)

// cpuOfResume is how much more processor time stock gqlgen takes at least.
const cpuOfResume = 5

// measureResume restarts a node under the eyes of thousands of clients, each a person of their own with a cursor. From
// when the first dials to when the last has what it missed, the time, the node's processor time and its statements
// are taken.
func measureResume(ctx context.Context, b *bench) (rows []row, err error) {
	size := resumeClients
	if b.short {
		size = resumeShort
	}
	writer, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, writer.close()) }()
	c, err := gatherCrowd(ctx, b.house, writer, size)
	if err != nil {
		return nil, err
	}
	var took, cost, whole, reads, checks contest
	var said statements
	var again [2]int64
	for round := range rounds {
		for i, name := range []string{"Convene", "stock"} {
			b.say("resume: round %d of %d, %s", round+1, rounds, name)
			r, err := b.comeBackTo(ctx, c, name, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			took[i] = append(took[i], r.Seconds)
			cost[i] = append(cost[i], milliseconds(r.used)/float64(size))
			whole[i] = append(whole[i], milliseconds(r.used+r.database)/float64(size))
			reads[i] = append(reads[i], float64(r.said.History))
			checks[i] = append(checks[i], float64(r.said.checks()))
			if again[i] += r.Again; i == 0 {
				said = r.said
			}
		}
	}
	what := fmt.Sprintf("%s clients come back at once, %d behind", figure(float64(size)), resumeBehind)
	seconds, history, asked := took.row(what, "s", 0), reads.row("… reads of history", "statements", 0), checks.row("… checks of sessions, memberships, heads", "statements", 0)
	seconds.goal, history.goal, asked.goal = below(1.5, "s"), atMost(5, ""), atMost(60, "")
	seconds.beside += fmt.Sprintf("; sent away and back again: %d, stock %d", again[0], again[1])
	asked.beside = said.String() + "; " + asked.beside
	return []row{
		seconds, whole.row("… CPU of the node and PostgreSQL", "ms/client", cpuOfResume),
		cost.row("… CPU of the node", "ms/client", 0), history, asked,
	}, nil
}

// A comingBack is what a crowd that came back took.
type comingBack struct {
	returned
	used, database time.Duration // of the processors
	said           statements
}

// comeBackTo has the crowd come back to a node that has just been started.
func (b *bench) comeBackTo(ctx context.Context, c *returning, name string, round int) (r comingBack, err error) {
	restarted, err := b.house.openHost(ctx, name == "stock")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, restarted.leave()) }()
	stop, err := restarted.profile(b, fmt.Sprint("resume", round+1))
	if err != nil {
		return r, err
	}
	before, err := restarted.ask(demand{})
	if err != nil {
		return r, err
	}
	database := b.house.costs()
	if r.returned, err = returnTo(ctx, restarted.endpoint, c); err != nil {
		return r, err
	}
	after, err := restarted.ask(demand{})
	r.used, r.said = after.Used-before.Used, after.Statements
	r.database = b.house.costs().since(database).database
	return r, errors.Join(err, stop())
}

// A returning crowd is people with a session each, all in one conversation, who have missed the last of what was said.
type returning struct {
	tokens       []string
	conversation relay.ID
	after        string
}

// gatherCrowd makes so many people without their registering, which takes a hash of a password each, and says what
// they miss.
func gatherCrowd(ctx context.Context, h *house, n *node, size int) (*returning, error) {
	access := token.NewAccess(h.ring, "convene", nil)
	accounts, sessions := make([]uuid.UUID, size), make([]uuid.UUID, size)
	c := &returning{tokens: make([]string, size)}
	for i := range size {
		accounts[i], sessions[i] = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
		var err error
		if c.tokens[i], _, err = access.Sign(accounts[i], sessions[i], time.Now().Add(time.Hour)); err != nil {
			return nil, err
		}
	}
	for _, statement := range []string{
		`INSERT INTO accounts (id, username, email, email_claimed_at, password_hash)
			SELECT a, 'r' || n, 'r' || n || '@bench.invalid', now(), 'none' FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (a, s, n)`,
		`INSERT INTO profiles (id, username, display_name)
			SELECT a, 'r' || n, 'Returning ' || n FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (a, s, n)`,
		`INSERT INTO auth_sessions (id, account_id, device_label, generation, is_cookie, rotated_at, last_used_at, expires_at, ends_at)
			SELECT s, a, '', 0, false, now(), now(), now() + interval '1 day', now() + interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) AS c (a, s)`,
	} {
		if _, err := n.db.SQL.ExecContext(ctx, statement, accounts, sessions); err != nil {
			return nil, fmt.Errorf("make a crowd: %w", err)
		}
	}
	people := make([]person, size)
	for i := range people {
		people[i] = person{accounts[i], c.tokens[i]}
	}
	room, err := openRoom(ctx, n, people)
	if err != nil {
		return nil, err
	}
	c.conversation = room.conversation
	// The first message is the last that they have seen.
	if err := sendSteadily(ctx, n, []pair{room}, 1, 1, 1000); err != nil {
		return nil, err
	}
	id, err := c.conversation.Row("conversation")
	if err != nil {
		return nil, err
	}
	row, err := n.messaging.Conversation(people[0].as(ctx), id)
	if err != nil {
		return nil, err
	}
	c.after = n.messaging.Cursor(row)
	if err := sendSteadily(ctx, n, []pair{room}, 2, resumeBehind, 1000); err != nil {
		return nil, err
	}
	return c, settled(ctx, n) // feeds are written for thousands of people
}

// statements are those of a node, by what they are for.
type statements struct{ History, Sessions, Sights, Heads, Others int64 }

// note counts one. Several at once may.
func (s *statements) note(text string) {
	of := &s.Others
	switch {
	case strings.Contains(text, "floor_seq, e.seq"), strings.Contains(text, `FROM "messages"`):
		of = &s.History
	case strings.Contains(text, "FROM auth_sessions"):
		of = &s.Sessions
	case strings.Contains(text, "me.joined_seq,\n"):
		of = &s.Sights
	case strings.Contains(text, "AS k (id, seq)"):
		of = &s.Heads
	}
	atomic.AddInt64(of, 1)
}

// now are those so far.
func (s *statements) now() statements {
	return statements{
		atomic.LoadInt64(&s.History), atomic.LoadInt64(&s.Sessions), atomic.LoadInt64(&s.Sights),
		atomic.LoadInt64(&s.Heads), atomic.LoadInt64(&s.Others),
	}
}

func (s statements) checks() int64 { return s.Sessions + s.Sights + s.Heads }

func (s statements) String() string {
	return fmt.Sprintf("%d sessions, %d memberships, %d heads; %d others", s.Sessions, s.Sights, s.Heads, s.Others)
}
