package wall_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/convenehq/convene/graph/transport/wall"
)

// nested are fields that stand so deep inside of each other.
func nested(depth int) string {
	return repeat("{ a ", depth) + repeat("}", depth)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit string
		text  func(n int) string
		most  int
		by    int // how far it is to the next document; 1 if not given
	}{
		{"bytes", func(n int) string { return "{a}#" + repeat("x", n-4) }, 32 << 10, 0},
		{"tokens", func(n int) string { return "{a(b:[" + repeat("1 ", n-9) + "])}" }, 4000, 0},
		{"fields", func(n int) string { return "{" + repeat("a ", n) + "}" }, 500, 0},
		{"fields", func(n int) string { return "{...F ...F a} fragment F on Q {" + repeat("b ", (n-1)/2) + "}" }, 499, 2},
		{"fields", func(n int) string { return "{" + repeat("a ", n-2) + "} query B {b} query C {c}" }, 500, 0},
		{"fields", func(n int) string { return "{a} fragment Unused on Q {" + repeat("b ", n-1) + "}" }, 500, 0},
		{"depth", nested, 12, 0},
		{"depth", func(n int) string { return "{ a { b { ...F } } } fragment F on Q " + nested(n-2) }, 12, 0},
		{"depth", func(n int) string { return "{ ... { ... on Q " + nested(n) + " } }" }, 12, 0},
		{"introspectionDepth", func(n int) string { return "{ __schema " + nested(n-1) + "}" }, 20, 0},
		{"introspectionDepth", func(n int) string { return "{ __type { b { ...F } } } fragment F on T " + nested(n-2) }, 20, 0},
		{"depth", func(n int) string { return "{ __schema " + nested(19) + " a " + nested(n-1) + "}" }, 12, 0},
		{"aliases", func(n int) string { return "{" + repeat("x: a ", n) + "}" }, 30, 0},
		{"aliases", func(n int) string { return "{...F a {...F}} fragment F on Q {" + repeat("x: a ", n/2) + "}" }, 30, 2},
		{"directives", func(n int) string { return "{a " + repeat("@d ", n) + "}" }, 30, 0},
		{"directives", func(n int) string {
			return "query Q ($v: Int @d) @d {...F @d ... @d {a @d}} fragment F on Q " + repeat("@d ", n-5) + "{a}"
		}, 30, 0},
		{"variables", func(n int) string { return "query (" + variables(n) + ") {a}" }, 50, 0},
		{"mutations", func(n int) string { return "mutation {" + repeat("a ", n) + "}" }, 5, 0},
		{"mutations", func(n int) string { return "mutation {a ...F} fragment F on M {" + repeat("a ", n-1) + "}" }, 5, 0},
		{"fragments", func(n int) string { return "{...f0}" + chained(n, 1, "a") }, 198, 0},
		{"valueDepth", func(n int) string { return "{a(b:" + repeat("[", n) + repeat("]", n) + ")}" }, 64, 0},
		{"valueDepth", func(n int) string { return "query ($v: X = " + repeat("{a:", n) + "1" + repeat("}", n) + ") {a}" }, 64, 0},
	} {
		if _, _, err := wall.Parse(c.text(c.most), defaults); err != nil {
			t.Errorf("%s, just met: %v in %.80s", c.limit, err, c.text(c.most))
		}
		text := c.text(c.most + max(c.by, 1))
		_, _, err := wall.Parse(text, defaults)
		if limitOf(err) != c.limit {
			t.Errorf("%s, exceeded: got %v in %.80s", c.limit, err, text)
			continue
		}
		if code := fmt.Sprint(err.Extensions["code"]); code != "QUERY_TOO_COMPLEX" || err.Extensions["found"].(int) <= err.Extensions["allowed"].(int) {
			t.Errorf("%s: got %v", c.limit, err.Extensions)
		}
	}
}

func variables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "$v%d: Int ", i)
	}
	return b.String()
}

func TestLimitsAreSettings(t *testing.T) {
	t.Parallel()
	for _, l := range []wall.Limits{
		{Bytes: 10}, {Tokens: 5}, {Fields: 2}, {Depth: 2}, {Aliases: 1}, {Directives: 1}, {Variables: 1},
	} {
		text := "query ($a: Int $b: Int) { x: a @d y: b { c @d { d } } }"
		if _, _, err := wall.Parse(text, l.WithDefaults()); limitOf(err) == "" {
			t.Errorf("%+v lets it through: %v", l, err)
		}
	}
}

func TestWall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, code, says string }{
		"nothing":                       {"", "GRAPHQL_VALIDATION_FAILED", "no operation"},
		"fragments alone":               {"fragment F on Q {a}", "GRAPHQL_VALIDATION_FAILED", "no operation"},
		"what is no GraphQL":            {"{a", "GRAPHQL_PARSE_FAILED", "Expected Name"},
		"a fragment that holds itself":  {"{...F} fragment F on Q {a ...F}", "GRAPHQL_VALIDATION_FAILED", "holds itself"},
		"two that hold each other":      {"{a} fragment F on Q {...G} fragment G on Q {...F}", "GRAPHQL_VALIDATION_FAILED", "holds itself"},
		"one name with two fragments":   {"{...F} fragment F on Q {a} fragment F on Q {...F}", "GRAPHQL_VALIDATION_FAILED", "holds itself"},
		"deeper than a parser can go":   {nested(1200), "QUERY_TOO_COMPLEX", "deep"},
		"half of a pair":                {`{a(b: "\ud83d")}`, "GRAPHQL_PARSE_FAILED", "half"},
		"the other half":                {`{a(b: "x\\\uDE00")}`, "GRAPHQL_PARSE_FAILED", "half"},
		"two halves the wrong way":      {`{a(b: "\ude00\ud83d")}`, "GRAPHQL_PARSE_FAILED", "half"},
		"a pair":                        {`{a(b: "\ud83d\ude00")}`, "", ""},
		"the text of an escape":         {`{a(b: "\\ud83d` + "\ufffd" + `")}`, "", ""},
		"an escape in a block or after": {`{a(b: """\ud83d""") } #\ud83d`, "", ""},
		"a replacement character":       {"{a(b: \"\ufffd \\ud83d\\ude00\")}", "", ""},
		"a spread of nothing":           {"{...F}", "", ""}, // the validator's
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := wall.Parse(c.text, defaults)
			if err == nil {
				if c.code != "" {
					t.Fatal("it passes")
				}
				return
			}
			if fmt.Sprint(err.Extensions["code"]) != c.code || !strings.Contains(err.Message, c.says) {
				t.Errorf("got %v %v", err, err.Extensions)
			}
		})
	}
}

// FuzzParse wants no panic, and no more steps than there are bytes: each stands for something that was written.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"{a}", "{...F ...F} fragment F on Q {a {b(c: [1, {d: $e}]) @f(g: 1)}}", "{...F} fragment F on Q {...F}",
		"mutation M($a: [Int!] = [1] @x) @y {z: a ... on M @z {b}}", nested(12), "{__schema" + nested(20) + "}", `{a(b: "\ud83d\ude00")}`,
	} {
		f.Add(text)
	}
	rules := wall.NewRules(false)
	f.Fuzz(func(t *testing.T, text string) {
		doc, steps, err := wall.Parse(text, defaults)
		if steps > len(text) {
			t.Errorf("%d steps for %d bytes", steps, len(text))
		}
		if err != nil {
			return
		}
		if errs := rules.Validate(schema(), doc); len(errs) > 0 {
			return
		}
		for _, op := range doc.Operations {
			wall.NewPrices(schema()).Estimate(doc, op, nil)
		}
	})
}
