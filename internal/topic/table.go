package topic

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
)

// Table is which facts go to which topic: one line for each kind. Names never change once released.
var Table = []Route{
	{Kind: "account.created", Topic: Named("NewUser")},
	{Kind: "invite.created", Topic: Named("InvitedUser")},
}

// A Route puts the facts of one kind on a topic.
type Route struct {
	// Kind is the kind's name.
	Kind string
	// Topic is where they go.
	Topic Name
	// Refs are the prefixes of the global ids of the kind's refs, by the ref's name. The subject's prefix is the
	// kind's own.
	Refs map[string]string
}

// A Name says what the topic of a fact is called.
type Name struct {
	base string
	key  Key
}

// A Key tells by a fact which of several topics it goes to. It may look things up, as the system, in the
// transaction that publishes.
type Key func(ctx context.Context, tx *ent.Tx, f fact.Fact) (string, error)

// Named is one topic for all facts of a kind.
func Named(name string) Name { return Name{base: name} }

// Keyed is a topic for each key, such as Event_2026-W47 for the key 2026-W47.
func Keyed(base string, key Key) Name { return Name{base: base, key: key} }

// String is the name, with an ellipsis for the key.
func (n Name) String() string {
	if n.key == nil {
		return n.base
	}
	return n.base + "_…"
}

// wellNamed is what names and keys are made of: they become keys of Redis, and words on a command line.
var wellNamed = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (n Name) of(ctx context.Context, tx *ent.Tx, f fact.Fact) (string, error) {
	if n.key == nil {
		return n.base, nil
	}
	key, err := n.key(ctx, tx, f)
	if err != nil {
		return "", fmt.Errorf("find the topic of a %s: %w", f.Kind, err)
	}
	if !wellNamed.MatchString(key) {
		return "", fmt.Errorf("%q can not be a part of a topic's name", key)
	}
	return n.base + "_" + key, nil
}

// own are the fields that every entry may have; no ref is called like one.
var own = []string{fieldFact, fieldKind, fieldSubject, fieldActor, fieldAt}

// check holds a table to the catalogue, and answers the routes by kind.
func check(c fact.Catalogue, table []Route) (map[string]Route, error) {
	routes := make(map[string]Route, len(table))
	for _, r := range table {
		k, ok := c[r.Kind]
		_, twice := routes[r.Kind]
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: the catalogue has no such kind", r.Kind)
		case twice:
			return nil, fmt.Errorf("%s is on two topics", r.Kind)
		case k.Withheld != "":
			return nil, fmt.Errorf("%s may be on no topic: %s", r.Kind, k.Withheld)
		case k.IsBurst:
			return nil, fmt.Errorf("%s happens in bursts, which are on no topic", r.Kind)
		case !wellNamed.MatchString(r.Topic.base):
			return nil, fmt.Errorf("%s: %q can not be a topic's name", r.Kind, r.Topic.base)
		case len(r.Refs) != len(k.Refs):
			return nil, fmt.Errorf("%s: the prefixes are those of %d refs, and there are %d", r.Kind, len(r.Refs), len(k.Refs))
		}
		for _, ref := range k.Refs {
			if r.Refs[ref] == "" || slices.Contains(own, ref) {
				return nil, fmt.Errorf("%s: the ref %q has no prefix, or the name of a field that every entry has", r.Kind, ref)
			}
		}
		routes[r.Kind] = r
	}
	return routes, nil
}
