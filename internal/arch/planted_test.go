package arch_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/convenehq/convene/internal/arch"
)

// A plant is one violation, put into an otherwise unchanged tree.
type plant struct {
	name string
	// rule is the rule that has to notice.
	rule string
	// before brings the tree to where the rule has something to look at; may be nil.
	before func(fstest.MapFS)
	// change plants the violation.
	change func(fstest.MapFS)
	// want is what the one new line says: the file and something of what is wrong and of the remedy.
	want []string
}

// prepare is the tree before the change, and what the rule says of it.
func (p plant) prepare(t *testing.T) (fstest.MapFS, []string) {
	t.Helper()
	tree := checkout(t)
	if p.before != nil {
		p.before(tree)
		return tree, lines(t, p.rule, tree)
	}
	if known, ok := untouched.Load(p.rule); ok {
		return tree, known.([]string)
	}
	said := lines(t, p.rule, tree)
	untouched.Store(p.rule, said)
	return tree, said
}

// untouched is what each rule says of the real tree.
var untouched sync.Map

func TestPlantedViolations(t *testing.T) {
	t.Parallel()
	noticed := map[string]bool{}
	for _, p := range slices.Concat(plantedImports, plantedWrites, plantedSlices, plantedFolders) {
		noticed[p.rule] = true
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tree, before := p.prepare(t)
			p.change(tree)
			fresh := slices.DeleteFunc(lines(t, p.rule, tree), func(l string) bool { return slices.Contains(before, l) })
			if len(fresh) != 1 {
				t.Fatalf("got %d new lines, want one:\n%s", len(fresh), strings.Join(fresh, "\n"))
			}
			for _, part := range append([]string{p.rule}, p.want...) {
				if !strings.Contains(fresh[0], part) {
					t.Errorf("the line lacks %q:\n%s", part, fresh[0])
				}
			}
		})
	}
	for _, r := range arch.Rules {
		if !noticed[r.Name] {
			t.Errorf("nothing is planted for the rule %q", r.Name)
		}
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	allowed := []plant{
		{name: "a test imports testkit", rule: "the import ladder", change: add("internal/fault/zebra_test.go",
			"package fault_test\nimport _ \"github.com/convenehq/convene/internal/testkit\"")},
		{name: "a test writes what it needs", rule: "one entity, one writer", change: add("internal/profile/zebra_test.go",
			"package profile_test\nfunc set() { tx.Account.Create() }")},
		{name: "a test imports go-cmp", rule: "homes of dependencies", change: add("internal/fault/zebra_test.go",
			"package fault_test\nimport _ \"github.com/google/go-cmp/cmp\"")},
		{name: "an update through ent needs no list", rule: "SQL by hand", change: add("internal/profile/zebra.go",
			"package profile\nfunc set() { tx.Profile.Update().Exec(ctx); u.Query() }")},
		{name: "a folder that git ignores", rule: "the tree in ARCHITECTURE.md", before: architecture, change: func(tree fstest.MapFS) {
			add(".gitignore", "/.data/\n*.log\n")(tree)
			add(".data/pg/PG_VERSION", "17\n")(tree)
			add("zebra/a.log", "")(tree)
		}},
		{name: "a folder that its package embeds", rule: "the tree in ARCHITECTURE.md", before: architecture, change: func(tree fstest.MapFS) {
			add("internal/fault/zebra.go", "package fault\nimport _ \"embed\"\n//go:embed pages/*.html\nvar page string\n")(tree)
			add("internal/fault/pages/a.html", "")(tree)
		}},
	}
	for _, p := range allowed {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tree, before := p.prepare(t)
			p.change(tree)
			if after := lines(t, p.rule, tree); !slices.Equal(before, after) {
				t.Errorf("this is allowed:\n%s", strings.Join(after, "\n"))
			}
		})
	}
}

// lines are what a rule says of a tree.
func lines(t *testing.T, rule string, tree fstest.MapFS) []string {
	t.Helper()
	loaded, err := arch.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range arch.Rules {
		if r.Name == rule {
			for _, v := range r.Run(loaded) {
				out = append(out, v.String())
			}
		}
	}
	return out
}

// checkout is a copy of the real tree in memory that the test may change.
func checkout(t *testing.T) fstest.MapFS {
	t.Helper()
	tree, err := readCheckout()
	if err != nil {
		t.Fatal(err)
	}
	return maps.Clone(tree)
}

var readCheckout = sync.OnceValues(func() (fstest.MapFS, error) {
	disk := os.DirFS(root)
	loaded, err := arch.Load(disk)
	if err != nil {
		return nil, err
	}
	tree := fstest.MapFS{}
	for _, name := range loaded.Files {
		text, ok := loaded.Text(name)
		if !ok && name == ".gitignore" {
			body, err := fs.ReadFile(disk, name)
			if err != nil {
				return nil, err
			}
			text = string(body)
		}
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree, nil
})

// The steps of which changes are made.

func add(name, text string) func(fstest.MapFS) {
	return func(tree fstest.MapFS) { tree[name] = &fstest.MapFile{Data: []byte(text)} }
}

func remove(names ...string) func(fstest.MapFS) {
	return func(tree fstest.MapFS) {
		maps.DeleteFunc(tree, func(name string, _ *fstest.MapFile) bool {
			return slices.ContainsFunc(names, func(n string) bool { return name == n || strings.HasPrefix(name, n+"/") })
		})
	}
}

// replace changes the first occurrence of old behind after.
func replace(name, after, old, fresh string) func(fstest.MapFS) {
	return func(tree fstest.MapFS) {
		head, tail, _ := strings.Cut(string(tree[name].Data), after)
		tree[name] = &fstest.MapFile{Data: []byte(head + after + strings.Replace(tail, old, fresh, 1))}
	}
}

func both(first, second func(fstest.MapFS)) func(fstest.MapFS) {
	return func(tree fstest.MapFS) { first(tree); second(tree) }
}

// architecture writes an ARCHITECTURE.md that names every folder there is.
func architecture(tree fstest.MapFS) {
	folders := map[string]bool{}
	for name := range tree {
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			folders[folder] = true
		}
	}
	var b strings.Builder
	b.WriteString("# Architecture\n\n## The tree\n\n```\nschema.graphqls   the front page\n")
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		b.WriteString(folder + "/   what it is for\n")
	}
	b.WriteString("```\n")
	add("ARCHITECTURE.md", b.String())(tree)
}
