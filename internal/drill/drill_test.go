package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

// program is the program of the working tree, which all tests share.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "convene-drill-test-")
	if err != nil {
		return "", err
	}
	return buildTree(context.Background(), dir)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(strings.TrimSuffix(path, "/convene-after"))
	}
	os.Exit(code)
}

// small is a drill of a few seconds.
func small(t *testing.T) (*drill, string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return &drill{
		folder: t.TempDir(), phase: 300 * time.Millisecond, writers: 2,
		say: func(format string, args ...any) { t.Logf(format, args...) },
	}, path
}

// passes fails the test if the drill found a violation.
func passes(t *testing.T, r *rehearsal.Report, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Errorf("%v:\n%s", err, &out)
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	d, program := small(t)
	r, err := upgrade(t.Context(), d, program, program)
	passes(t, r, err)
}

func TestRestore(t *testing.T) {
	t.Parallel()
	d, program := small(t)
	r, err := restore(t.Context(), d, program)
	passes(t, r, err)
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	t.Run("what is lost or there twice is counted", func(t *testing.T) {
		t.Parallel()
		acked := []ack{{0, "a", 2, time.Time{}}, {0, "b", 3, time.Time{}}, {1, "c", 2, time.Time{}}}
		lost, doubled := compare(acked, [][]message{{{1, "begin"}, {2, "a"}, {4, "b"}, {5, "a"}}, {{1, "begin"}}})
		if lost != 3 || doubled != 1 { // a and b have other numbers now, and c is gone
			t.Fatalf("got %d lost and %d doubled", lost, doubled)
		}
	})
	t.Run("what did not arrive, or twice, is counted", func(t *testing.T) {
		t.Parallel()
		history := []message{{Seq: 1}, {Seq: 2}, {Seq: 3}, {Seq: 4}}
		f := &follower{arrivals: []arrival{{seq: 3}, {seq: 2}, {seq: 3}}}
		if gaps, doubles := f.holes(history); gaps != 1 || doubles != 2 {
			t.Fatalf("got %d gaps and %d doubles", gaps, doubles)
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"downgrade"}, {"restore", "now"}, {"upgrade", "--writers=0"}, {"--phase=1s"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "say which drill") {
			t.Errorf("%q: got %v", args, err)
		}
	}
	var help strings.Builder
	if err := run(t.Context(), []string{"-help"}, io.Discard, &help); err == nil || !strings.Contains(help.String(), "upgrade|restore") {
		t.Errorf("got %v: %s", err, &help)
	}
	if _, err := buildRevision(t.Context(), t.TempDir(), "no-such-revision"); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a revision that is not there: got %v", err)
	}
}
