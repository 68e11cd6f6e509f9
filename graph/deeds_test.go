package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/viewer"
)

// A deed is a mutation, or a command of the operator's, with the facts that it stores.
type deed struct {
	// by is its name as in the catalogue.
	by string
	// how is in which case.
	how string
	// prepare does what has to have happened before, and answers how to do it.
	prepare func(t *testing.T, s *stage) func(context.Context) error
	// isRefused tells that the person is told what to mend.
	isRefused bool
	// want is the facts, as stage.facts writes them.
	want []string
}

// A stage has Ada, who does it, and Bob, with whom she may have talked.
type stage struct {
	*api
	// viewer is who does it: Ada, unless a deed says otherwise.
	viewer   viewer.Viewer
	ada, bob viewer.Viewer
	tokens   *account.SessionTokens
	// names are what ids are called in the facts that are wanted. Others are called 1, 2, and so on.
	names map[uuid.UUID]string
	since int64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{api: newAPI(t)}
	in, err := s.Accounts.Register(t.Context(), account.RegisterInput{Username: "ada", Email: "ada@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	s.ada, s.tokens, s.bob = in.Viewer, in.Tokens, s.bare(t, "bob")
	s.viewer = s.ada
	s.names = map[uuid.UUID]string{s.ada.Account(): "ada", s.bob.Account(): "bob", s.ada.Session(): "here"}
	return s
}

// mark begins a new list of facts.
func (s *stage) mark(t *testing.T) {
	t.Helper()
	if err := s.db.SQL.QueryRowContext(t.Context(), "SELECT coalesce(max(id), 0) FROM facts").Scan(&s.since); err != nil {
		t.Fatal(err)
	}
}

// facts are those since mark, each in a line: what, about what, by whom, and the refs.
func (s *stage) facts(t *testing.T) (all []string) {
	t.Helper()
	rows, err := s.db.SQL.QueryContext(t.Context(), "SELECT kind, subject_id, actor_id, refs FROM facts WHERE id > $1 ORDER BY id", s.since)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names := maps.Clone(s.names)
	name := func(id uuid.UUID) string {
		if names[id] == "" {
			names[id] = fmt.Sprint(len(names) - len(s.names) + 1)
		}
		return names[id]
	}
	for rows.Next() {
		var kind string
		var subject uuid.UUID
		var actor *uuid.UUID
		var raw []byte
		if err := rows.Scan(&kind, &subject, &actor, &raw); err != nil {
			t.Fatal(err)
		}
		line := kind + " " + name(subject)
		if actor != nil {
			line += " by " + name(*actor)
		}
		var refs map[string]uuid.UUID
		if err := json.Unmarshal(raw, &refs); err != nil {
			t.Fatal(err)
		}
		for _, ref := range slices.Sorted(maps.Keys(refs)) {
			line += " " + ref + "=" + name(refs[ref])
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// talk has Ada and Bob talk. Their conversation is called talk, and Ada's message hers.
func (s *stage) talk(t *testing.T) (conversation, hers string) {
	t.Helper()
	m, c := s.send(t, s.ada, vars{"recipientId": profileID(s.bob), "body": "hello"})
	s.send(t, s.bob, vars{"conversationId": c["id"], "body": "hi"})
	conversation, hers = c["id"].(string), m["id"].(string)
	for id, name := range map[string]string{conversation: "talk", hers: "hers"} {
		_, row, _ := relay.ID(id).Split()
		s.names[row] = name
	}
	return conversation, hers
}

// again signs Ada in once more.
func (s *stage) again(t *testing.T) *account.SignedIn {
	t.Helper()
	in, err := s.Accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	s.names[in.Viewer.Session()] = "phone"
	return in
}

func (s *stage) refreshed(t *testing.T, refreshToken string) string {
	t.Helper()
	tokens, err := s.Accounts.Refresh(t.Context(), account.RefreshSessionInput{RefreshToken: refreshToken})
	if err != nil {
		t.Fatal(err)
	}
	return *tokens.RefreshToken
}

// mutation is a deed that needs nothing but its input.
func mutation(name, how string, input func(t *testing.T, s *stage) vars, want ...string) deed {
	return deed{by: name, how: how, want: want, prepare: func(t *testing.T, s *stage) func(context.Context) error {
		t.Helper()
		return s.call(t, name, input(t, s))
	}}
}

// refused is a mutation that is refused, and stores nothing.
func refused(name, how string, input func(t *testing.T, s *stage) vars) deed {
	d := mutation(name, how, input)
	d.isRefused = true
	return d
}

func sessionID(session uuid.UUID) string { return string(relay.NewID(ent.AuthSessionPrefix, session)) }

// nobodyID is the id of a row that does not exist.
func nobodyID(prefix string) string { return string(relay.NewID(prefix, uuid.Must(uuid.NewV7()))) }
