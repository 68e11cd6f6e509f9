package wall_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/convenehq/convene/graph/transport/wall"
)

// chained are fragments each of which spreads the next one so many times.
func chained(n, times int, last string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on Query { %s}", i, repeat(fmt.Sprintf("...f%d ", i+1), times))
	}
	fmt.Fprintf(&b, " fragment f%d on Query { %s }", n, last)
	return b.String()
}

// TestDocumentsThatStalled wants each to be answered with few allocations: what a library would have done with it
// took seconds or gigabytes. How long it takes is for the bench to say.
func TestDocumentsThatStalled(t *testing.T) {
	t.Parallel()
	const some = "viewer { profile { id } }"
	conflicting := ""
	for i := range 3000 {
		conflicting += fmt.Sprintf(`p: profile(username: "%d") { id } `, i)
	}
	few := ""
	for i := range 240 {
		few += fmt.Sprintf("profile(username: \"%d\") { id } ", i)
	}
	for name, c := range map[string]struct{ text, limit string }{
		"doubled fragments":                   {"{ ...f0 }" + chained(24, 2, some), "fields"},
		"more of them than numbers can count": {"{ ...f0 }" + chained(100, 2, some), "fields"},
		"nested introspection":                {"{ __schema { types { " + repeat("fields { type { ", 60) + "name " + repeat("} } ", 60) + "} } }", "introspectionDepth"},
		"repeated fields":                     {"{ viewer { profile { " + repeat("displayName ", 3700) + "} } }", "bytes"},
		"shorter repeated fields":             {"{ viewer { profile { " + repeat("id ", 3700) + "} } }", "fields"},
		"as many of them as may be":           {"{ viewer { profile { " + repeat("id ", 498) + "} } }", ""},
		"conflicting fields":                  {"{ " + conflicting + "}", "bytes"},
		"as many of them":                     {"{ " + few + "}", ""},
		"a chain of fragments":                {"{ ...f0 }" + chained(430, 1, some), "fragments"},
		"a shorter one":                       {"{ ...f0 }" + chained(180, 1, some), ""},
		"fragments of nothing but fragments":  {"{ " + some + " ...f0 }" + chained(300, 2, "...g") + "fragment g on Query { ...h } fragment h on Query { ...i }", "tokens"},
		"deep values":                         {"{ nodes(ids: " + repeat("[", 900) + repeat("]", 900) + ") { id } }", "valueDepth"},
		"wide values":                         {"{ nodes(ids: [" + repeat("1.5,", 3900) + "]) { id } }", ""},
		"comments":                            {repeat("#\n", 16000), "tokens"},
		"a block of lines":                    {`{ profile(username: """` + repeat("\n", 32000) + `""") { id } }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules := wall.NewRules(true)
			try := func() {
				doc, steps, err := wall.Parse(c.text, defaults)
				if got := limitOf(err); got != c.limit {
					t.Fatalf("got %v", err)
				}
				if steps > len(c.text) {
					t.Errorf("%d steps for %d bytes", steps, len(c.text))
				}
				if err == nil {
					_ = rules.Validate(schema(), doc)
				}
			}
			try()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			try()
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
				t.Errorf("%d MB for %d bytes", used>>20, len(c.text))
			}
		})
	}
}

func TestNoSuggestions(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"of a field":           `{ viewerr { profile { id } } }`,
		"of a field's type":    `{ node(id: "a") { username } }`,
		"of an argument":       `{ viewer { inbox(frist: 1) { nodes { id } } } }`,
		"of a directive's":     `{ viewer @skip(iff: true) { profile { id } } }`,
		"of a type":            `{ node(id: "a") { ... on Profil { id } } }`,
		"of a variable's type": `query ($a: Strin) { viewer { profile { id } } }`,
		"of an input field":    `mutation { sendMessage(input: { boddy: "x", body: "x" }) { message { id } } }`,
		"of an enum":           `{ conversation(id: "a") { messages(order: OLDEST_FRST) { nodes { id } } } }`,
		"of an enum in quotes": `{ conversation(id: "a") { messages(order: "OLDEST_FIRST") { nodes { id } } } }`,
		"of a leaf":            `{ viewer }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, suggests := range []bool{false, true} {
				errs := wall.NewRules(suggests).Validate(schema(), parse(t, text))
				if len(errs) == 0 {
					t.Fatal("it is valid")
				}
				if strings.Contains(errs.Error(), "Did you mean") && !suggests {
					t.Errorf("got %v", errs)
				}
			}
		})
	}
}

func TestScalarsOfDocumentsAreStrict(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`"10"`, "1.5", "1e2", "1.0", "true", "FIRST", "[1]", "{a: 1}", "null"} {
		doc := parse(t, `{ viewer { inbox(first: `+value+`) { nodes { id } } } }`)
		if errs := wall.NewRules(false).Validate(schema(), doc); len(errs) == 0 {
			t.Errorf("%s is taken for an Int", value)
		}
	}
	for _, value := range []string{"1", "1.5", `"true"`, "TRUE", "null"} {
		doc := parse(t, `{ viewer @skip(if: `+value+`) { profile { id } } }`)
		if errs := wall.NewRules(false).Validate(schema(), doc); len(errs) == 0 {
			t.Errorf("%s is taken for a Boolean", value)
		}
	}
	for _, value := range []string{"1", "1.5", "true", "ada", `["ada"]`} {
		doc := parse(t, `{ profile(username: `+value+`) { id } }`)
		if errs := wall.NewRules(false).Validate(schema(), doc); len(errs) == 0 {
			t.Errorf("%s is taken for a String", value)
		}
	}
}
