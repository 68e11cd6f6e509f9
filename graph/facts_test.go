package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/generated"
	"github.com/convenehq/convene/internal/topic"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	var mutations []string
	for _, f := range generated.NewExecutableSchema(generated.Config{}).Schema().Mutation.Fields {
		mutations = append(mutations, f.Name)
	}
	storedBy := map[string][]string{}
	for _, k := range graph.Catalogue().Kinds() {
		if !k.IsBurst {
			for _, by := range k.By {
				storedBy[by] = append(storedBy[by], k.Name)
			}
		}
	}

	t.Run("says of every mutation what it stores, or why it stores nothing", func(t *testing.T) {
		t.Parallel()
		for _, m := range mutations {
			if storedBy[m] == nil && graph.Unstored[m] == "" {
				t.Errorf("%s stores no fact: name it in a kind's By (internal/…/facts.go), or in graph.Unstored with the reason", m)
			}
		}
		for _, k := range graph.Catalogue().Kinds() {
			for _, by := range k.By {
				if !strings.HasPrefix(by, "convene ") && !slices.Contains(mutations, by) {
					t.Errorf("%s is stored by %s, which is no mutation", k.Name, by)
				}
			}
		}
		for m := range graph.Unstored {
			if !slices.Contains(mutations, m) {
				t.Errorf("%s is no mutation: take it out of graph.Unstored", m)
			}
		}
	})
	t.Run("says the same as the deeds that are tried below", func(t *testing.T) {
		t.Parallel()
		tried, got := map[string]bool{}, map[string][]string{}
		for _, d := range deeds() {
			tried[d.by] = true
			for _, fact := range d.want {
				kind, _, _ := strings.Cut(fact, " ")
				if !slices.Contains(got[d.by], kind) {
					got[d.by] = append(got[d.by], kind)
				}
			}
			slices.Sort(got[d.by])
		}
		if diff := cmp.Diff(storedBy, got); diff != "" {
			t.Errorf("the catalogue (-) and the deeds (+): %s", diff)
		}
		for _, m := range mutations {
			if !tried[m] {
				t.Errorf("%s is not tried: add it to deeds", m)
			}
		}
	})
	t.Run("calls subjects by the prefix of their ids", func(t *testing.T) {
		t.Parallel()
		prefixes := []string{
			ent.AccountPrefix, ent.AuthSessionPrefix, ent.ConversationPrefix, ent.InvitePrefix, ent.InviteCodePrefix, ent.MessagePrefix, ent.ProfilePrefix,
		}
		for _, k := range graph.Catalogue().Kinds() {
			if !slices.Contains(prefixes, k.Subject) {
				t.Errorf("%s is about a %q", k.Name, k.Subject)
			}
		}
		for _, r := range topic.Table {
			for ref, prefix := range r.Refs {
				if !slices.Contains(prefixes, prefix) {
					t.Errorf("the %s of %s is a %q", ref, r.Kind, prefix)
				}
			}
		}
	})
	t.Run("withholds blocks from the topics", func(t *testing.T) {
		t.Parallel()
		for _, k := range graph.Catalogue().Kinds() {
			if strings.HasPrefix(k.Name, "block.") && k.Withheld == "" {
				t.Errorf("%s may be put on a topic", k.Name)
			}
		}
	})
	t.Run("is what docs/facts.md says", func(t *testing.T) {
		t.Parallel()
		var want bytes.Buffer
		if err := graph.WriteCatalogue(&want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../docs/facts.md")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(got)); diff != "" {
			t.Errorf("run `make generate`: docs/facts.md is not what the code says (-want +got):\n%s", diff)
		}
	})
}

// Every mutation, and every command of the operator's, stores its facts and no others, and what it changes stands
// and falls with them.
func TestDeedsStoreTheirFacts(t *testing.T) {
	t.Parallel()
	for _, d := range deeds() {
		t.Run(strings.TrimSpace(d.by+" "+d.how), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			do := d.prepare(t, s)
			s.mark(t)
			if len(d.want) > 0 {
				s.forbidFacts(t)
				if err := do(t.Context()); err == nil {
					t.Error("the change was made although its fact could not be stored")
				}
				if got := s.facts(t); len(got) > 0 {
					t.Errorf("rolled back, it stored %v", got)
				}
				s.allowFacts(t)
			}
			// Had anything of the first try stayed, this would find it done already and store nothing.
			err := do(t.Context())
			var refused refusal
			if errors.As(err, &refused) != d.isRefused || err != nil && !d.isRefused {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(d.want, s.facts(t)); diff != "" {
				t.Errorf("stored (-want +got): %s", diff)
			}
		})
	}
}

// forbidFacts has the database refuse every fact.
func (s *stage) forbidFacts(t *testing.T) {
	t.Helper()
	s.exec(t, "ALTER TABLE facts ADD CONSTRAINT forbidden CHECK (kind = '') NOT VALID")
}

func (s *stage) allowFacts(t *testing.T) {
	t.Helper()
	s.exec(t, "ALTER TABLE facts DROP CONSTRAINT forbidden")
}

func (s *stage) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.db.SQL.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// A refusal is what a person can mend.
type refusal string

// Error implements error.
func (r refusal) Error() string { return "refused: " + string(r) }

// call is a mutation as a client would send it.
func (s *stage) call(t *testing.T, name string, input vars) func(context.Context) error {
	t.Helper()
	head, arguments := "mutation", ""
	if input != nil {
		head, arguments = fmt.Sprintf("mutation ($input: %sInput!)", strings.ToUpper(name[:1])+name[1:]), "(input: $input)"
	}
	query := fmt.Sprintf("%s { it: %s%s { userErrors { code } } }", head, name, arguments)
	return func(ctx context.Context) error {
		got := s.do(ctx, t, s.viewer, query, vars{"input": input})
		if len(got.Errors) > 0 {
			return got.Errors
		}
		if errs := at(t, got.Data, "it", "userErrors").([]any); len(errs) > 0 {
			return refusal(fmt.Sprint(errs))
		}
		return nil
	}
}
