package wall_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/graph/transport/wall"
)

type vars = map[string]any

func TestEstimate(t *testing.T) {
	t.Parallel()
	prices := wall.NewPrices(schema())
	for name, c := range map[string]struct {
		text      string
		variables vars
		want      int
	}{
		"a field":                          {`{ viewer { profile { id } } }`, nil, 3},
		"the default of a page":            {`{ viewer { inbox { nodes { id } } } }`, nil, 2 + 20*2},
		"a page of a literal":              {`{ viewer { inbox(first: 7) { nodes { id } pageInfo { hasNextPage } } } }`, nil, 2 + 7*2 + 2},
		"a page of a variable":             {`query ($n: Int!) { viewer { inbox(first: $n) { edges { node { id } } } } }`, vars{"n": int64(5)}, 2 + 5*3},
		"a page of a variable's default":   {`query ($n: Int! = 6) { viewer { inbox(first: $n) { nodes { id } } } }`, vars{"n": int64(6)}, 2 + 6*2},
		"a page that nobody gets":          {`{ viewer { inbox(first: 5000) { nodes { id } } } }`, nil, 2 + 100*2},
		"a page of less than nothing":      {`{ viewer { inbox(first: -5000) { nodes { id } } } }`, nil, 2 + 2},
		"pages in pages":                   {`{ viewer { inbox(first: 10) { nodes { messages(first: 10) { nodes { id } } } } } }`, nil, 2 + 10*(1+1+10*2)},
		"a list of a length":               {`{ viewer { inbox(first: 1) { nodes { otherMembers(first: 3) { id } } } } }`, nil, 2 + 1 + 3*2},
		"ids in the document":              {`{ nodes(ids: ["a", "b", "c"]) { id } }`, nil, 3 * 2},
		"ids in a variable":                {`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": []any{"a", "b"}}, 2 * 2},
		"one id for a list":                {`query ($id: ID!) { nodes(ids: [$id]) { id } }`, vars{"id": "a"}, 2},
		"aliases count each":               {`{ a: viewer { profile { id } } b: viewer { profile { id } } }`, nil, 6},
		"a fragment counts at each spread": {`{ a: viewer { ...F } b: viewer { ...F } } fragment F on Viewer { profile { id } }`, nil, 6},
		"the dearest of several types":     {`{ node(id: "a") { id ... on Message { body } ... on Profile { username displayName } } }`, nil, 4},
		"what is left out":                 {`query ($w: Boolean!) { viewer @skip(if: $w) { profile { id } } a: viewer @include(if: $w) { profile { id } } }`, vars{"w": true}, 3},
		"names of types":                   {`{ __typename viewer { __typename } }`, nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := valid(t, schema(), c.text)
			got := prices.Estimate(doc, doc.Operations[0], c.variables)
			if got.Cost != c.want || got.Varies != strings.Contains(c.text, "$") {
				t.Errorf("got %+v, want %d", got, c.want)
			}
		})
	}
}

// What clients really ask is far from any limit.
func TestUsualDocumentsPass(t *testing.T) {
	t.Parallel()
	const message = `id seq body isMine createdAt editedAt isDeleted author { id username displayName }`
	for name, text := range map[string]string{
		"an inbox of 20": `{ viewer { inbox { nodes { id kind title unreadCount otherMembers { id username displayName }
			lastMessage { ` + message + ` } } pageInfo { hasNextPage endCursor } } } }`,
		"an inbox of 50": `{ viewer { inbox(first: 50) { nodes { id title unreadCount otherMembers { id displayName }
			lastMessage { id body author { displayName } } } } } }`,
		"a history of 100": `{ conversation(id: "a") { id title messages(first: 100) { nodes { ` + message + ` replyTo { id body author { displayName } } }
			pageInfo { hasNextPage endCursor } } } }`,
		"every update of a conversation": `subscription { conversationUpdates(conversationId: "a") { __typename
			... on MessageSent { cursor message { ` + message + ` replyTo { ` + message + ` } } }
			... on MessageEdited { cursor message { ` + message + ` } } ... on MessageDeleted { cursor message { ` + message + ` } }
			... on ResyncRequired { cursor reason } ... on CursorMoved { cursor } } }`,
		"every update": `subscription { updates { __typename ... on ConversationChanged { cursor conversation { id kind title unreadCount
			readThroughSeq lastVisitAt otherMembers(first: 10) { id username displayName } lastMessage { ` + message + ` } } }
			... on SubjectGone { cursor id } ... on ResyncRequired { cursor reason } ... on CursorMoved { cursor } } }`,
		"GraphiQL's introspection": introspectionQuery,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := valid(t, schema(), text)
			most := defaults.Cost
			if doc.Operations[0].Operation == ast.Subscription {
				most = defaults.UpdateCost
			}
			got := wall.NewPrices(schema()).Estimate(doc, doc.Operations[0], nil).Cost
			t.Logf("costs %d of %d", got, most)
			if got > most*6/10 {
				t.Errorf("costs %d of %d", got, most)
			}
		})
	}
}

func TestWhatIsTooDear(t *testing.T) {
	t.Parallel()
	prices := wall.NewPrices(schema())
	aliases := ""
	for i := range 30 {
		aliases += fmt.Sprintf("m%d: messages(first: 100) { nodes { id body } } ", i)
	}
	for name, c := range map[string]struct {
		text, limit string
		path        []string
	}{
		"thirty histories":           {`{ conversation(id: "a") { ` + aliases + `} }`, "cost", []string{"conversation"}},
		"histories of a whole inbox": {`{ viewer { profile { id } inbox(first: 100) { nodes { chat: messages(first: 100) { nodes { id } } } } } }`, "cost", []string{"viewer", "inbox", "nodes", "chat", "nodes"}},
		"the same of ids": {
			`query ($ids: [ID!]!) { nodes(ids: $ids) { ...C } } fragment C on Conversation { messages(first: 100) { nodes { id } } }`,
			"cost",
			[]string{"nodes", "messages", "nodes"},
		},
		"a history with each update": {`subscription { updates { ... on ConversationChanged { conversation { messages(first: 100) { nodes { id body seq isMine } } } } } }`, "updateCost", []string{"updates", "conversation", "messages", "nodes"}},
		"all types of all types":     {`{ __schema { types { fields { args { type { fields { args { type { name kind description fields { name } } } type { name } } } } } } } }`, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, c.text)
			if errs := wall.NewRules(true).Validate(schema(), doc); len(errs) > 0 {
				if c.limit == "" { // introspection as deep as that is not valid in the first place
					return
				}
				t.Fatal(errs)
			}
			ids := make([]any, 100)
			op, variables := doc.Operations[0], vars{"ids": ids}
			most := defaults.Cost
			if op.Operation == ast.Subscription {
				most = defaults.UpdateCost
			}
			cost := prices.Estimate(doc, op, variables).Cost
			if cost <= most {
				t.Fatalf("costs %d", cost)
			}
			err := prices.TooDear(doc, op, variables, cost, most)
			if limitOf(err) != c.limit || cmp.Diff(err.Extensions["path"], c.path) != "" || err.Extensions["found"] != cost {
				t.Errorf("got %v", err.Extensions)
			}
		})
	}
}

// small is a schema for random documents.
var small = gqlparser.MustLoadSchema(&ast.Source{Input: `
	interface I { x: Int a: A }
	type A implements I { x: Int a: A y: String list: [A] page(first: Int = 2): AConnection i: I u: U few(first: Int = 2): [B] }
	type B implements I { x: Int a: A z: Int b: B i: I many(ids: [ID!]): [A] }
	type C { c: C x: Int }
	union U = A | C
	type AConnection { nodes: [A] edges: [AEdge] total: Int }
	type AEdge { node: A cursor: String }
	type Query { a: A b: B i: I u: U }
`})

// drawn are random selections of a type.
func drawn(rt *rapid.T, of *ast.Definition, depth int, fragments []string) string {
	var parts []string
	for range rapid.IntRange(1, 3).Draw(rt, "selections") {
		switch kind := rapid.IntRange(0, 9).Draw(rt, "kind"); {
		case kind == 0 && len(fragments) > 0:
			parts = append(parts, "..."+rapid.SampledFrom(fragments).Draw(rt, "fragment"))
		case kind <= 2 && of.IsAbstractType() && depth > 0:
			t := rapid.SampledFrom(small.GetPossibleTypes(of)).Draw(rt, "type")
			parts = append(parts, "... on "+t.Name+" { "+drawn(rt, t, depth-1, fragments)+" }")
		case kind == 3 && depth > 0:
			parts = append(parts, "... @include(if: "+rapid.SampledFrom([]string{"true", "false", "$yes"}).Draw(rt, "if")+") { "+drawn(rt, of, depth-1, fragments)+" }")
		default:
			parts = append(parts, drawnField(rt, of, depth, fragments))
		}
	}
	return strings.Join(parts, " ")
}

func drawnField(rt *rapid.T, of *ast.Definition, depth int, fragments []string) string {
	var names []string
	for _, f := range of.Fields {
		if leaf := small.Types[f.Type.Name()].IsLeafType(); leaf || depth > 0 && !strings.HasPrefix(f.Name, "__") {
			names = append(names, f.Name)
		}
	}
	names = append(names, "__typename")
	name := rapid.SampledFrom(names).Draw(rt, "field")
	text := name
	if rapid.Bool().Draw(rt, "alias") {
		text = rapid.SampledFrom([]string{"p", "q", "r"}).Draw(rt, "as") + ": " + name
	}
	def := of.Fields.ForName(name)
	if def == nil {
		return text
	}
	if def.Arguments.ForName("first") != nil {
		text += rapid.SampledFrom([]string{"", "(first: 3)", "(first: 1)", "(first: $n)"}).Draw(rt, "first")
	}
	if def.Arguments.ForName("ids") != nil {
		text += rapid.SampledFrom([]string{"", `(ids: ["a", "b"])`, "(ids: $ids)"}).Draw(rt, "ids")
	}
	if inner := small.Types[def.Type.Name()]; !inner.IsLeafType() {
		text += " { " + drawn(rt, inner, depth-1, fragments) + " }"
	}
	return text
}

// drawnDocument has fragments, too, each of which may hold those before it.
func drawnDocument(rt *rapid.T) string {
	var names []string
	var b strings.Builder
	for i := range rapid.IntRange(0, 3).Draw(rt, "fragments") {
		on := rapid.SampledFrom([]string{"A", "B", "I", "U", "Query"}).Draw(rt, "on")
		name := fmt.Sprintf("F%d", i)
		fmt.Fprintf(&b, "fragment %s on %s { %s }\n", name, on, drawn(rt, small.Types[on], 2, slices.Clone(names)))
		names = append(names, name)
	}
	return "query Q($n: Int, $ids: [ID!], $yes: Boolean!) { " + drawn(rt, small.Query, 4, names) + " }\n" + b.String()
}

// lenient are the rules without those that random documents seldom keep and that do not matter for what they cost.
var lenient = slices.DeleteFunc(wall.NewRules(true), func(r wall.Rule) bool {
	return strings.HasPrefix(r.Name, "NoUnused") || strings.HasPrefix(r.Name, "Overlapping") || r.Name == "PossibleFragmentSpreads"
})

// naive answers a document row by row, of whatever types make it most, and counts the fields it answers.
type naive struct {
	doc       *ast.QueryDocument
	variables vars
}

func (n naive) row(set ast.SelectionSet, of *ast.Definition, page int) int {
	if of.Kind == ast.Object {
		return n.of(set, of, page)
	}
	best := 0
	for _, t := range small.GetPossibleTypes(of) {
		best = max(best, n.of(set, t, page))
	}
	return best
}

func (n naive) of(set ast.SelectionSet, t *ast.Definition, page int) (count int) {
	fits := func(condition string) bool {
		return condition == "" || condition == t.Name || slices.Contains(small.PossibleTypes[condition], t)
	}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			count += n.field(s, t, page)
		case *ast.InlineFragment:
			if v, _ := s.Directives.ForName("include"), 0; v != nil {
				if is, _ := v.Arguments[0].Value.Value(n.variables); is == false {
					continue
				}
			}
			if fits(s.TypeCondition) {
				count += n.of(s.SelectionSet, t, page)
			}
		case *ast.FragmentSpread:
			if f := n.doc.Fragments.ForName(s.Name); fits(f.TypeCondition) {
				count += n.of(f.SelectionSet, t, page)
			}
		}
	}
	return count
}

func (n naive) field(f *ast.Field, t *ast.Definition, page int) (count int) {
	def := t.Fields.ForName(f.Name)
	if def == nil {
		return 1
	}
	given := f.ArgumentMap(n.variables)
	rows, inner := 1, 0
	switch f.Name {
	case "list":
		rows = 10
	case "few":
		rows = int(given["first"].(int64))
	case "page":
		inner = int(given["first"].(int64))
	case "many":
		if ids, ok := given["ids"].([]any); ok {
			rows = len(ids)
		}
	case "nodes", "edges":
		rows = page
	}
	for range rows {
		count++
		if len(f.SelectionSet) > 0 {
			count += n.row(f.SelectionSet, small.Types[def.Type.Name()], inner)
		}
	}
	return count
}

func TestEstimatesAreWhatRowsAddUpTo(t *testing.T) {
	t.Parallel()
	prices, checked := wall.NewPrices(small), 0
	rapid.Check(t, func(rt *rapid.T) {
		text := drawnDocument(rt)
		doc, _, err := wall.Parse(text, wall.Limits{Fields: 1e6, Tokens: 1e6, Bytes: 1e6, Aliases: 1e6, Directives: 1e6, Depth: 100}.WithDefaults())
		if err != nil {
			rt.Skip(err.Message)
		}
		if errs := lenient.Validate(small, doc); len(errs) > 0 {
			rt.Skip(errs[0].Message)
		}
		variables := vars{"n": int64(4), "ids": []any{"a", "b", "c"}, "yes": rapid.Bool().Draw(rt, "yes")}
		checked++
		want := naive{doc, variables}.row(doc.Operations[0].SelectionSet, small.Query, 0)
		if got := prices.Estimate(doc, doc.Operations[0], variables).Cost; got != want {
			rt.Fatalf("costs %d, and its rows have %d fields: %s", got, want, text)
		}
	})
	if checked < 20 {
		t.Fatalf("only %d documents were worth it", checked)
	}
}
