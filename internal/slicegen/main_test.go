package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/arch"
)

// A slice that has just been begun compiles, and breaks no rule that held before.
func TestBegin(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a whole copy of the module")
	}
	t.Parallel()
	dir := checkout(t)
	before := violations(t, dir)

	const name = "sample"
	if err := begin(t.Context(), dir, name); err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(t, dir) {
		if !slices.Contains(before, v) {
			t.Error(v)
		}
	}
	for _, command := range [][]string{
		{"go", "build", "./internal/" + name, "./graph"},
		{"go", "vet", "./internal/" + name, "./graph"},
		{"go", "test", "-run", "Schema|Exercised", "./internal/arch", "./graph/printschema"},
		{"go", "test", "./internal/" + name},
		{"go", "test", "-run", "TestTry", "./graph"},
	} {
		if err := run(t.Context(), dir, command...); err != nil {
			t.Error(err)
		}
	}
	resolvers := read(t, dir, "graph/"+name+".resolvers.go")
	if !strings.Contains(resolvers, "r.Sample.Try(ctx, input)") || strings.Contains(resolvers, "panic") {
		t.Errorf("gqlgen did not keep the resolver:\n%s", resolvers)
	}

	if err := begin(t.Context(), dir, name); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("the same slice twice: got %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "x", "Circle", "two_words", "range", "db", "../x", "averyveryverylongnoun"} {
		if err := check("../..", name); err == nil {
			t.Errorf("%q passed for a slice's name", name)
		}
	}
	if err := check("../..", "zebra"); err != nil {
		t.Error(err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := explain(&out, "zebra"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The slice zebra stands", "graph/connect.go", "make migration name=zebra"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

// checkout copies the sources of the module to a folder of the test's own.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	tree, err := arch.Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tree.Files {
		body, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func violations(t *testing.T, dir string) []string {
	t.Helper()
	tree, err := arch.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range arch.Check(tree) {
		out = append(out, v.String())
	}
	return out
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
