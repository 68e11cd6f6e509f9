package embedded

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// OpenDir makes a folder that other accounts can pass through, as t.TempDir
// does not, in memory where possible: syncing is not what is tested.
func OpenDir(t *testing.T) string {
	t.Helper()
	root := os.TempDir()
	if freeBytes(memory) >= roomInMemory {
		root = memory
	}
	dir, err := os.MkdirTemp(root, "embedded-test-") //nolint:usetesting // has to be passable by other accounts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Eventually polls for a condition.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// CommandLines are the command lines of all running processes, by their number.
func CommandLines() map[int]string { return commandLines() }
