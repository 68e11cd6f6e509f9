package arch_test

import (
	"strings"
	"testing/fstest"
)

var plantedImports = []plant{
	{
		name: "the kit imports a slice", rule: "the import ladder",
		change: add("internal/db/zebra.go", "package db\nimport _ \"github.com/convenehq/convene/internal/account\"\n"),
		want:   []string{"internal/db/zebra.go:2", "imports internal/account of the layer \"slice\" above it", "move what both need down"},
	},
	{
		name: "a slice imports the edge", rule: "the import ladder",
		change: add("internal/account/zebra.go", "package account\nimport _ \"github.com/convenehq/convene/graph\"\n"),
		want:   []string{"internal/account/zebra.go:2", "imports graph of the layer \"graph\""},
	},
	{
		name: "a slice imports a neighbour that is not listed", rule: "the import ladder",
		change: add("internal/zebra/zebra.go", "package zebra\nimport _ \"github.com/convenehq/convene/internal/account\"\n"),
		want:   []string{"internal/zebra/zebra.go:2", "imports internal/account, a neighbour", "neighbours (internal/arch/ladder.go)"},
	},
	{
		name: "a listed neighbour is not imported any more", rule: "the import ladder",
		change: remove("internal/viewer"),
		want:   []string{"internal/arch/ladder.go", "internal/viewer may import internal/fault, but does not", "Take the line out"},
	},
	{
		name: "a leaf imports what stands on it", rule: "the import ladder",
		change: add("internal/viewer/zebra.go", "package viewer\nimport _ \"github.com/convenehq/convene/ent\"\n"),
		want:   []string{"internal/viewer/zebra.go:2", "imports ent of the layer \"ent\""},
	},
	{
		name: "the vocabulary imports an entity", rule: "the import ladder",
		change: add("ent/visible/zebra.go", "package visible\nimport _ \"github.com/convenehq/convene/ent/account\"\n"),
		want:   []string{"ent/visible/zebra.go:2", "imports ent/account"},
	},
	{
		name: "code imports testkit", rule: "the import ladder",
		change: add("cmd/convene/zebra.go", "package main\nimport _ \"github.com/convenehq/convene/internal/testkit\"\n"),
		want:   []string{"cmd/convene/zebra.go:2", "imports internal/testkit", "it is for tests alone"},
	},
	{
		name: "a slice imports the policies", rule: "the import ladder",
		change: add("internal/account/zebra.go", "package account\nimport _ \"github.com/convenehq/convene/ent/rule\"\n"),
		want:   []string{"internal/account/zebra.go:2", "Only ent/schema may"},
	},
	{
		name: "a folder on no step", rule: "the import ladder",
		change: add("zebra/zebra.go", "package zebra\nimport _ \"github.com/convenehq/convene/internal/viewer\"\n"),
		want:   []string{"zebra/zebra.go:2", "stands on no step", "Name it in ladder"},
	},
	{
		name: "a slice imports the driver", rule: "homes of dependencies",
		change: add("internal/account/zebra.go", "package account\nimport _ \"github.com/lib/pq\"\n"),
		want:   []string{"internal/account/zebra.go:2", "imports github.com/lib/pq", "Its home is internal/db"},
	},
	{
		name: "a slice imports gqlgen", rule: "homes of dependencies",
		change: add("internal/account/zebra.go", "package account\nimport _ \"github.com/99designs/gqlgen/graphql\"\n"),
		want:   []string{"internal/account/zebra.go:2", "Its home is graph"},
	},
	{
		name: "code imports a tool for tests", rule: "homes of dependencies",
		change: add("internal/account/zebra.go", "package account\nimport _ \"pgregory.net/rapid\"\n"),
		want:   []string{"internal/account/zebra.go:2", "Its home is tests"},
	},
	{
		name: "a new dependency", rule: "homes of dependencies",
		change: add("internal/account/zebra.go", "package account\nimport _ \"example.com/zebra/stripes\"\n"),
		want:   []string{"internal/account/zebra.go:2", "example.com/zebra/stripes, which has no home", "homes (internal/arch/homes.go)"},
	},
	{
		name: "a home that the linter does not know", rule: "homes in the linter",
		change: replace(".golangci.yml", "", "pkg: github.com/lib/pq", "pkg: github.com/lib/zebra"),
		want:   []string{".golangci.yml", "depguard does not know the home of github.com/lib/pq", "Add a rule"},
	},
}

const zebraSchema = "package schema\nimport \"entgo.io/ent\"\ntype Zebra struct{ ent.Schema }\n"

var plantedWrites = []plant{
	{
		name: "an entity without an owner", rule: "every entity has an owner",
		change: add("ent/schema/zebra.go", zebraSchema),
		want:   []string{"ent/schema/zebra.go", "nobody owns Zebra", "behind `Owns:`"},
	},
	{
		name: "an entity with two owners", rule: "every entity has an owner",
		before: both(add("ent/schema/zebra.go", zebraSchema), add("internal/zebra/doc.go", "// Package zebra.\n//\n// Owns: Zebra.\npackage zebra\n")),
		change: add("internal/stripe/doc.go", "// Package stripe.\n//\n// Owns: Zebra.\npackage stripe\n"),
		want:   []string{"ent/schema/zebra.go", "Zebra is owned by internal/stripe and internal/zebra", "Leave it to one"},
	},
	{
		name: "an owner of nothing that exists", rule: "every entity has an owner",
		change: add("internal/zebra/doc.go", "// Package zebra.\n//\n// Owns: Unicorn.\npackage zebra\n"),
		want:   []string{"internal/zebra/doc.go", "Unicorn, which is no entity"},
	},
	{
		name: "a write outside of the owner", rule: "one entity, one writer",
		change: add("internal/zebra/zebra.go", "package zebra\nfunc set() { tx.Account.Create() }\n"),
		want:   []string{"internal/zebra/zebra.go:2", "writes Account", "Only its owner does"},
	},
	{
		name: "a deletion through the pool", rule: "one entity, one writer",
		change: add("graph/zebra.go", "package graph\nfunc set() { s.db.Ent.AuthSession.DeleteOneID(id).Exec(ctx) }\n"),
		want:   []string{"graph/zebra.go:2", "writes AuthSession"},
	},
	{
		name: "a write by hand", rule: "one entity, one writer",
		change: add("internal/zebra/zebra.go", "package zebra\nconst set = `WITH x AS (UPDATE profiles SET username = '') SELECT 1`\n"),
		want:   []string{"internal/zebra/zebra.go:2", "writes Profile by hand"},
	},
	{
		name: "a client that is given away", rule: "one entity, one writer",
		change: add("internal/zebra/zebra.go", "package zebra\nfunc set() { c := tx.Account; c.Create() }\n"),
		want:   []string{"internal/zebra/zebra.go:2", "gives the client of Account away"},
	},
	{
		name: "an update through a row", rule: "one entity, one writer",
		change: add("internal/zebra/zebra.go", "package zebra\nfunc set() { row.Update().SetBody(\"\").Exec(ctx) }\n"),
		want:   []string{"internal/zebra/zebra.go:2", "updates through a row", "tx.Entity.UpdateOne(row)"},
	},
	{
		name: "acting as the system", rule: "acting as the system",
		change: add("graph/zebra.go", "package graph\nvar ctx = viewer.AsSystem(nil, \"\")\n"),
		want:   []string{"graph/zebra.go:2", "acts as the system", "systemFiles (internal/arch/listed.go)"},
	},
	{
		name: "acting as the operator", rule: "acting as the system",
		change: add("graph/zebra.go", "package graph\nvar ctx = viewer.AsOperator(nil)\n"),
		want:   []string{"graph/zebra.go:2", "acts as the operator", "systemFiles (internal/arch/listed.go)"},
	},
	{
		name: "deciding ahead of the policies", rule: "acting as the system",
		change: add("graph/zebra.go", "package graph\nvar ctx = privacy.DecisionContext(nil, privacy.Allow)\n"),
		want:   []string{"graph/zebra.go:2", "decides ahead of the policies"},
	},
	{
		name: "a statement", rule: "SQL by hand",
		change: add("graph/zebra.go", "package graph\nfunc set() { c.ExecContext(ctx, q) }\n"),
		want:   []string{"graph/zebra.go:2", "calls ExecContext", "sqlFiles (internal/arch/listed.go)"},
	},
	{
		name: "a statement without a context", rule: "SQL by hand",
		change: add("graph/zebra.go", "package graph\nfunc set() { c.QueryRow(\"SELECT \" + x) }\n"),
		want:   []string{"graph/zebra.go:2", "calls QueryRow with a statement"},
	},
	{
		name: "the pool", rule: "SQL by hand",
		change: add("graph/zebra.go", "package graph\nvar pool = use(d.SQL)\n"),
		want:   []string{"graph/zebra.go:2", "past ent"},
	},
	{
		name: "a raw expression", rule: "SQL by hand",
		change: add("graph/zebra.go", "package graph\nvar raw = sql.ExprP(\"1 = 1\")\n"),
		want:   []string{"graph/zebra.go:2", "sql.ExprP"},
	},
	{
		name: "a modifier", rule: "SQL by hand",
		change: add("graph/zebra.go", "package graph\nfunc set() { q.Modify(join) }\n"),
		want:   []string{"graph/zebra.go:2", "modifies a query past the policies"},
	},
	{
		name: "a line of the list that nothing needs", rule: "SQL by hand",
		change: remove("internal/db/epoch.go"),
		want:   []string{"internal/arch/listed.go", "sqlFiles lists internal/db/epoch.go", "Take the line out"},
	},
}

const shape = "the shape of a slice"

var plantedSlices = []plant{
	{name: "a slice without errors.go", rule: shape, change: remove("internal/account/errors.go"), want: []string{"internal/account/errors.go", "lacks this file", "make slice"}},
	{name: "a slice without resolvers", rule: shape, change: remove("graph/account.resolvers.go"), want: []string{"graph/account.resolvers.go", "lacks this file"}},
	{
		name: "a slice without its line in autobind", rule: shape,
		change: replace("gqlgen.yml", "autobind:", "  - github.com/convenehq/convene/internal/account\n", ""),
		want:   []string{"gqlgen.yml", "autobind lacks the slice account", "Add the line"},
	},
	{
		name: "a slice that the front page forgets", rule: shape,
		change: replace("schema.graphqls", "", "graph/account.graphqls", "graph/….graphqls"),
		want:   []string{"schema.graphqls", "lacks the slice account"},
	},
	{
		name: "a slice that the resolvers forget", rule: shape,
		change: replace("graph/resolver.go", "", "*account.Service", "any"),
		want:   []string{"graph/resolver.go", "lacks the slice account", "*account.Service"},
	},
	{
		name: "a slice without a Service", rule: shape,
		before: add("internal/account/account.go", "package account\ntype Service struct{}\nfunc New() *Service { return nil }\n"),
		change: replace("internal/account/account.go", "", "type Service struct{}", "type Server struct{}"),
		want:   []string{"internal/account/account.go", "has no type Service"},
	},
	{
		name: "a slice without New", rule: shape,
		before: add("internal/account/account.go", "package account\ntype Service struct{}\nfunc New() *Service { return nil }\n"),
		change: replace("internal/account/account.go", "", "func New", "func (Service) New"),
		want:   []string{"internal/account/account.go", "has no function New"},
	},
	{
		name: "a slice that does not say what it owns", rule: shape,
		before: add("internal/account/doc.go", "// Package account.\n//\n// Owns: Account.\npackage account\n"),
		change: replace("internal/account/doc.go", "", "Owns", "Has"),
		want:   []string{"internal/account/doc.go", "does not say what the slice owns"},
	},
	{name: "a schema file of no slice", rule: shape, change: add("graph/zebra.graphqls", ""), want: []string{"graph/zebra.graphqls", "no slice internal/zebra"}},
	{
		name: "a use case takes the actor", rule: "no acting person in the arguments",
		change: add("internal/account/zebra.go", "package account\nfunc (s *Service) Ban(ctx context.Context, actorID uuid.UUID) {}\n"),
		want:   []string{"internal/account/zebra.go:2", "Ban takes the acting person as actorID", "viewer.From(ctx)"},
	},
	{
		name: "a use case takes the viewer", rule: "no acting person in the arguments",
		change: add("internal/account/zebra.go", "package account\nfunc (s *Service) Ban(ctx context.Context, v *viewer.Viewer) {}\n"),
		want:   []string{"internal/account/zebra.go:2", "as a viewer.Viewer"},
	},
	{
		name: "the API shows a guarded field", rule: "fields bound to ent",
		change: replace("graph/generated/generated.go", "_Account_username(ctx", "return obj.Username", "return obj.PasswordHash"),
		want:   []string{"graph/generated/generated.go", "Account.username shows Account.password_hash, whose reader is \"nobody\"", "Give the field a resolver"},
	},
	{
		name: "the API shows a method of an entity", rule: "fields bound to ent",
		change: replace("graph/generated/generated.go", "_Account_username(ctx", "return obj.Username", "return obj.String()"),
		want:   []string{"graph/generated/generated.go", "Account.String() answers", "boundMethods"},
	},
	{
		name: "a GraphQL type without a Go type", rule: "no unbound types",
		change: add("graph/generated/unbound.go", "package generated\n\ntype Zebra struct {\n}\n"),
		want:   []string{"graph/generated/unbound.go:3", "Zebra has no Go type", "api.go"},
	},
}

var plantedFolders = []plant{
	{
		name: "a package without a comment", rule: "package comments",
		change: add("internal/fault/zebra/zebra.go", "// Zebras have stripes.\npackage zebra\n"),
		want:   []string{"internal/fault/zebra/zebra.go", "no comment", "Package zebra"},
	},
	{
		name: "a program without a comment", rule: "package comments",
		change: add("cmd/zebra/main.go", "package main\n"),
		want:   []string{"cmd/zebra/main.go", "Command zebra"},
	},
	{
		name: "a package named helpers", rule: "package names",
		change: add("internal/helpers/zebra.go", "package helpers\n"),
		want:   []string{"internal/helpers/zebra.go", "helpers says nothing", "docs/glossary.md"},
	},
	{
		name: "a long file", rule: "the length of files",
		change: add("internal/fault/zebra.go", "package fault\n"+strings.Repeat("// stripe\n", 400)),
		want:   []string{"internal/fault/zebra.go", "401 lines", "Split it"},
	},
	{
		name: "generated code elsewhere", rule: "generated code",
		change: add("internal/fault/zebra.go", "// Code generated by zebra. DO NOT EDIT.\n\npackage fault\n"),
		want:   []string{"internal/fault/zebra.go", "outside of ent and graph/generated"},
	},
	{
		name: "a folder that is not in the tree", rule: "the tree in ARCHITECTURE.md", before: architecture,
		change: add("internal/fault/zebra/stripes.txt", ""),
		want:   []string{"ARCHITECTURE.md:6", "lacks internal/fault/zebra/", "what the folder is for"},
	},
	{
		name: "a folder of the tree that is gone", rule: "the tree in ARCHITECTURE.md", before: architecture,
		change: replace("ARCHITECTURE.md", "the front page\n", "", "zebra/   stripes\n"),
		want:   []string{"ARCHITECTURE.md:7", "has zebra/, which does not exist"},
	},
	{
		name: "no tree at all", rule: "the tree in ARCHITECTURE.md", before: architecture,
		change: func(tree fstest.MapFS) { add("ARCHITECTURE.md", "# Architecture\n")(tree) },
		want:   []string{"ARCHITECTURE.md", "there is no tree"},
	},
}
