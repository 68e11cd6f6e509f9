package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrintedSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	const root = "../.."
	want, err := printed(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, output))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("run `make generate`: %s is not what the schema files say (-want +got):\n%s", output, diff)
	}
}
