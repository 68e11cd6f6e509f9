package rehearsal

import (
	"io"
	"strings"
	"testing"
)

func TestFleet(t *testing.T) {
	t.Parallel()
	f := NewFleet()
	if _, err := f.Pick(nil); err == nil {
		t.Fatal("a node is picked although there is none")
	}
	a, b, away := &Node{Name: "a"}, &Node{Name: "b"}, &Node{Name: "away"}
	a.ready.Store(true)
	b.ready.Store(true)
	for _, n := range []*Node{a, away, b} {
		f.Add(n)
	}
	for range 6 {
		if n, err := f.Pick(a); err != nil || n != b {
			t.Fatalf("beside a, got %v and %v", n, err)
		}
	}
	b.ready.Store(false)
	if n, err := f.Pick(a); err != nil || n != a {
		t.Fatalf("the only one that is ready is not picked: %v, %v", n, err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	t.Run("a violation fails the report", func(t *testing.T) {
		t.Parallel()
		r := &Report{}
		r.Never("lost", 0)
		r.All("told", 3, 3)
		if err := r.Print(io.Discard); err != nil {
			t.Fatal(err)
		}
		r.All("told of none", 0, 0)
		var out strings.Builder
		if err := r.Print(&out); err == nil || !strings.Contains(out.String(), "VIOLATED") {
			t.Fatalf("got %v:\n%s", err, &out)
		}
	})
}
