package wall_test

import (
	"testing"

	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/graph/transport/wall"
)

// ruleOf is the rule of a name alone.
func ruleOf(name string) wall.Rules {
	for _, r := range wall.NewRules(true) {
		if r.Name == name {
			return wall.Rules{r}
		}
	}
	panic("there is no rule " + name)
}

func TestFieldsAreMergedAsGqlparserDoes(t *testing.T) {
	t.Parallel()
	theirs := wall.Rules{core.Rule{Name: "x", RuleFunc: rules.OverlappingFieldsCanBeMergedRule.RuleFunc}}
	ours := ruleOf("OverlappingFieldsCanBeMerged")
	agreed := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		text := drawnDocument(rt)
		one, _, err := wall.Parse(text, defaults)
		if err != nil {
			rt.Skip(err.Message)
		}
		other, _, _ := wall.Parse(text, defaults)
		if errs := lenient.Validate(small, one); len(errs) > 0 {
			rt.Skip(errs[0].Message)
		}
		// Fragments that nobody spreads are refused anyway, and only theirs looks into them.
		if errs := ruleOf("NoUnusedFragments").Validate(small, one); len(errs) > 0 {
			rt.Skip(errs[0].Message)
		}
		a, b := ours.Validate(small, one), theirs.Validate(small, other)
		if (len(a) == 0) != (len(b) == 0) {
			rt.Fatalf("ours: %v, theirs: %v: %s", a, b, text)
		}
		agreed[len(a) == 0]++
	})
	if agreed[true] < 5 || agreed[false] < 5 {
		t.Fatalf("too few documents were worth it: %v", agreed)
	}
}

func TestFieldsThatConflict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		good bool
	}{
		"the same twice":                       {`{ a { x } a { y } }`, true},
		"two fields under one name":            {`{ a { p: x p: y } }`, false},
		"in what is merged":                    {`{ a { a { p: x } } a { a { p: y } } }`, false},
		"across fragments":                     {`{ a { ...F ...G } } fragment F on A { p: x } fragment G on A { p: __typename }`, false},
		"with other arguments":                 {`{ a { page(first: 1) { total } page(first: 2) { total } } }`, false},
		"with the same in another order":       {`{ a { few(first: 1) { x } few(first: 1) { z } } }`, true},
		"of types that exclude each other":     {`{ i { ... on A { p: x } ... on B { p: z } } }`, true},
		"of other types with another shape":    {`{ i { ... on A { p: x } ... on B { p: b { x } } } }`, false},
		"of other types with another scalar":   {`{ i { ... on A { p: y } ... on B { p: z } } }`, false},
		"of an interface and one of its types": {`{ i { p: __typename ... on A { p: y } } }`, false},
		"below types that exclude each other":  {`{ i { ... on A { p: a { x } } ... on B { p: b { x: z } } } }`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, c.text)
			if errs := wall.NewRules(true).Validate(small, doc); (len(errs) == 0) != c.good {
				t.Errorf("got %v", errs)
			}
		})
	}
}
