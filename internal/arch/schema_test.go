package arch_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/convenehq/convene/internal/arch"
)

func TestSchema(t *testing.T) {
	t.Parallel()
	for _, v := range lintSchema(loadSchema(t)) {
		t.Error(v)
	}
}

// Each snippet has one thing wrong with it.
func TestPlantedInSchema(t *testing.T) {
	t.Parallel()
	before := texts(lintSchema(loadSchema(t)))
	for _, p := range []struct{ name, snippet, want string }{
		{"a type without a description", `type Zebra { "A." a: Int! }`, "Zebra has no description"},
		{"a field without a description", `"A." type Zebra { a: Int! }`, "Zebra.a has no description"},
		{"an argument without a description", `"A." type Zebra { "A." a(b: Int!): Int! }`, "Zebra.a(b:) has no description"},
		{"an input field without a description", `"A." input Zebra { a: Int! }`, "Zebra.a has no description"},
		{"an enum value without a description", `"A." enum Zebra { A }`, "Zebra.A has no description"},
		{"a directive without a description", `directive @zebra on FIELD`, "directive @zebra has no description"},
		{"a union without a description", `union Zebra = Account`, "Zebra has no description"},
		{"a type in camelCase", `"A." type zebra { "A." a: Int! }`, "zebra is named in another style"},
		{"a field with an underscore", `"A." type Zebra { "A." a_b: Int! }`, "Zebra.a_b is named in another style"},
		{"an enum value in lower case", `"A." enum Zebra { "A." a }`, "Zebra.a is named in another style"},
		{"a Boolean that asks nothing", `"A." type Zebra { "A." striped: Boolean! }`, "Zebra.striped does not ask a question"},
		{"a verb of access", `"A." type Zebra { "A." getStripes: Int! }`, "Zebra.getStripes begins with a verb of access"},
		{"a list with gaps", `"A." type Zebra { "A." a: [Int]! }`, "Zebra.a is a list that may be null"},
		{"an id in place of an object", `"A." type Zebra { "A." profileId: ID! }`, "Zebra.profileId is an id in place of an object"},
		{"a scalar without a format", `"A." scalar Zebra`, "nobody knows how Zebra is written"},
		{"a deprecation without a date", `"A." type Zebra { "A." a: Int! @deprecated(reason: "Use b.") }`, "Zebra.a is deprecated without a date"},
		{"an acting person as an argument", `extend type Query { "A." zebra("A." userId: ID!): Int! }`, "Query.zebra(userId:) looks like the acting person"},
		{"an acting person in an input", `"A." input Zebra { "A." actorId: ID! }`, "Zebra.actorId looks like the acting person"},
		{
			"a mutation with two arguments",
			`extend type Mutation { "A." zebra("A." a: Int!, "B." b: Int!): ZebraPayload! } "A." type ZebraPayload { "A." userErrors: [AccountUserError!]! }`,
			"Mutation.zebra takes 2 arguments",
		},
		{
			"a mutation with another input",
			`extend type Mutation { "A." zebra("A." input: BlockInput!): ZebraPayload! } "A." type ZebraPayload { "A." userErrors: [AccountUserError!]! }`,
			"Mutation.zebra takes `input: BlockInput!`",
		},
		{"a mutation with another payload", `extend type Mutation { "A." zebra: BlockPayload! }`, "Mutation.zebra answers BlockPayload!"},
		{
			"a payload that can not be null",
			`extend type Mutation { "A." zebra: ZebraPayload! } "A." type ZebraPayload { "A." block: Block! "A." userErrors: [AccountUserError!]! }`,
			"ZebraPayload.block can not be null",
		},
		{
			"a payload without userErrors",
			`extend type Mutation { "A." zebra: ZebraPayload! } "A." type ZebraPayload { "A." block: Block }`,
			"ZebraPayload can not say what was refused",
		},
		{
			"a connection without nodes",
			`"A." type ZebraConnection { "A." edges: [ZebraEdge!]! "A." pageInfo: PageInfo! } "A." type Zebra { "A." a: Int! } "A." type ZebraEdge { "A." node: Zebra! "A." cursor: String! }`,
			"ZebraConnection has no `nodes: [Zebra!]!`",
		},
		{"a connection without a page", `extend type Query { "A." zebras("A." first: Int! = 20): BlockConnection! }`, "Query.zebras can not be paged"},
		{
			"a connection that goes backward",
			`extend type Query { "A." zebras("A." first: Int! = 20, "A." after: String, "A." before: String): BlockConnection! }`,
			"Query.zebras goes backward",
		},
		{
			"a refusal that is none",
			`"A." type ZebraUserError { "A." code: ZebraErrorCode! } "A." enum ZebraErrorCode { "A." A }`,
			"ZebraUserError is no UserError",
		},
		{
			"a refusal without a code",
			`"A." type ZebraUserError implements UserError { "A." message: String! "A." field: [String!] }`,
			"ZebraUserError has no code for programs",
		},
		{"a subscription that can not be resumed", `extend type Subscription { "A." zebra: ConversationUpdate! }`, "Subscription.zebra can not be resumed"},
		{"a subscription of a scalar", `extend type Subscription { "A." zebra("A." after: String): Int! }`, "Subscription.zebra can not say that it lost the thread"},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			after := texts(lintSchema(loadSchema(t, &ast.Source{Name: "graph/zebra.graphqls", Input: p.snippet})))
			fresh := slices.DeleteFunc(after, func(l string) bool { return slices.Contains(before, l) })
			if len(fresh) != 1 || !strings.Contains(fresh[0], p.want) || !strings.HasPrefix(fresh[0], "graph/zebra.graphqls:1: ") {
				t.Errorf("got these new lines, want one with %q:\n%s", p.want, strings.Join(fresh, "\n"))
			}
		})
	}
}

func texts(all []arch.Violation) []string {
	var out []string
	for _, v := range all {
		out = append(out, v.String())
	}
	return out
}

// loadSchema is the schema of the checkout, with further sources added to it.
func loadSchema(t *testing.T, more ...*ast.Source) *ast.Schema {
	t.Helper()
	files := os.DirFS(root)
	names, err := fs.Glob(files, "graph/*.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	var sources []*ast.Source
	for _, name := range append([]string{"schema.graphqls"}, names...) {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(body)})
	}
	schema, gqlErr := gqlparser.LoadSchema(append(sources, more...)...)
	if gqlErr != nil {
		t.Fatal(gqlErr)
	}
	return schema
}
