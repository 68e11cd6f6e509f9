// Package rule turns the vocabulary of visibility into ent policies. A policy is built with [Policy] and
// ends in a denial whatever is in it: what no rule shows is invisible.
package rule

import (
	"context"
	"fmt"

	entgo "entgo.io/ent"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/privacy"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/intercept"
	"github.com/convenehq/convene/ent/visible"
	"github.com/convenehq/convene/internal/viewer"
)

// Access is the policy of one entity, in the words of the vocabulary.
type Access struct {
	// Read are the rules of who reads which rows; the first that knows the viewer decides.
	Read []visible.Rule
	// Write are the rules of who updates or deletes which rows.
	Write []visible.Rule
	// CreateOwn is the field that must hold the person's own account in a row they create; empty if
	// people create none.
	CreateOwn string
}

// Policy makes the ent policy: the system may do everything, the rules of the access apply, and
// everything else is denied.
func Policy(a Access) entgo.Policy {
	query := privacy.QueryPolicy{system{}}
	for _, r := range a.Read {
		query = append(query, filter{r})
	}
	mutation := privacy.MutationPolicy{system{}}
	if a.CreateOwn != "" {
		mutation = append(mutation, createOwn{a.CreateOwn})
	}
	for _, r := range a.Write {
		mutation = append(mutation, filter{r})
	}
	return privacy.Policy{
		Query:    append(query, privacy.AlwaysDenyRule()),
		Mutation: append(mutation, privacy.AlwaysDenyRule()),
	}
}

// system lets Convene itself through.
type system struct{}

func (system) EvalQuery(ctx context.Context, _ entgo.Query) error       { return allowSystem(ctx) }
func (system) EvalMutation(ctx context.Context, _ entgo.Mutation) error { return allowSystem(ctx) }

func allowSystem(ctx context.Context) error {
	if viewer.From(ctx).Kind() == viewer.System {
		return privacy.Allow
	}
	return privacy.Skip
}

// filter limits a query, an update or a deletion to the rows of a rule.
type filter struct{ rule visible.Rule }

func (f filter) EvalQuery(ctx context.Context, q entgo.Query) error {
	p, ok := f.rule(viewer.From(ctx))
	if !ok {
		return privacy.Skip
	}
	query, err := intercept.NewQuery(q)
	if err != nil {
		return fmt.Errorf("limit the query: %w", err)
	}
	query.WhereP(p)
	return privacy.Allow
}

func (f filter) EvalMutation(ctx context.Context, m entgo.Mutation) error {
	p, ok := f.rule(viewer.From(ctx))
	if !ok || m.Op().Is(entgo.OpCreate) {
		return privacy.Skip
	}
	limited, ok := m.(interface{ WhereP(...func(*sql.Selector)) })
	if !ok {
		return fmt.Errorf("limit the mutation of %s: %w", m.Type(), privacy.Deny)
	}
	limited.WhereP(p)
	return privacy.Allow
}

// createOwn lets a person create rows that are their own.
type createOwn struct{ field string }

func (createOwn) EvalQuery(context.Context, entgo.Query) error { return privacy.Skip }

func (c createOwn) EvalMutation(ctx context.Context, m entgo.Mutation) error {
	v := viewer.From(ctx)
	if v.Kind() != viewer.Person || !m.Op().Is(entgo.OpCreate) {
		return privacy.Skip
	}
	if owner, ok := m.Field(c.field); ok && owner == any(v.Account()) && v.Account() != uuid.Nil {
		return privacy.Allow
	}
	return privacy.Skip
}
