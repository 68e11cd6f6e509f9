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

// measureResume restarts a node under the eyes of thousands of clients, each a person of their own with a cursor. From
// when the first dials to when the last has what it missed, the time, the node's own processor time and its statements
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
	what := fmt.Sprintf("%s clients come back at once, %d behind", figure(float64(size)), resumeBehind)
	took := row{what: what, unit: "s", goal: below(1.5, "s")}
	cost := row{what: what + ": CPU of the node", unit: "ms/client"}
	reads := row{what: what + ": reads of history", goal: below(5.5, "statements")}
	checks := row{what: what + ": checks of sessions, memberships, heads", goal: below(60.5, "statements")}
	stop, err := b.profile("resume")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for round := range rounds {
		b.say("resume: round %d of %d", round+1, rounds)
		said := &statements{}
		restarted, err := b.house.openHeard(ctx, nil, said.note)
		if err != nil {
			return rows, err
		}
		before := ownTime()
		r, err := returnTo(ctx, restarted.endpoint(), c, size)
		used := ownTime() - before
		if err := errors.Join(err, restarted.close()); err != nil {
			return rows, err
		}
		took.values = append(took.values, r.Seconds)
		cost.values = append(cost.values, milliseconds(used)/float64(size))
		reads.values = append(reads.values, float64(said.history.Load()))
		checks.values = append(checks.values, float64(said.checks()))
		checks.beside = said.String()
	}
	return append(rows, took, cost, reads, checks), nil
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
type statements struct{ history, sessions, sights, heads, others atomic.Int64 }

func (s *statements) note(text string) {
	switch {
	case strings.Contains(text, "floor_seq, e.seq"):
		s.history.Add(1)
	case strings.Contains(text, "FROM auth_sessions"):
		s.sessions.Add(1)
	case strings.Contains(text, "me.joined_seq,\n"):
		s.sights.Add(1)
	case strings.Contains(text, "AS k (id, seq)"):
		s.heads.Add(1)
	default:
		s.others.Add(1)
	}
}

func (s *statements) checks() int64 { return s.sessions.Load() + s.sights.Load() + s.heads.Load() }

func (s *statements) String() string {
	return fmt.Sprintf("%d sessions, %d memberships, %d heads; %d others", s.sessions.Load(), s.sights.Load(), s.heads.Load(), s.others.Load())
}
