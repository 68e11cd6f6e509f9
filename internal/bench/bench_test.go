package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFigure(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 2: "2", 300: "300", 0.0481: "0.048", 4.056: "4.06", 61.26: "61.3", 308.4: "308", 9292.3: "9,292", 1234567: "1,234,567",
	} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) is %s, want %s", v, got, want)
		}
	}
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	t.Run("the median is the middle, or between the two that are", func(t *testing.T) {
		t.Parallel()
		if got := median([]float64{9, 1, 5}); got != 5 {
			t.Errorf("got %v", got)
		}
		if got := median([]float64{9, 1, 5, 3}); got != 4 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a percentile is a value that was measured", func(t *testing.T) {
		t.Parallel()
		var values []time.Duration
		for i := range 1000 {
			values = append(values, time.Duration(1000-i))
		}
		if p50, p99 := percentile(values, 0.50), percentile(values, 0.99); p50 != 500 || p99 != 990 {
			t.Errorf("got %d and %d", p50, p99)
		}
		if got := percentile(nil, 0.99); got != 0 {
			t.Errorf("of nothing: got %d", got)
		}
	})
}

func TestMark(t *testing.T) {
	t.Parallel()
	m := mark{round: 3, number: 41, sent: time.Unix(0, 1234567890)}
	t.Run("is found in an update again, with the message's number", func(t *testing.T) {
		t.Parallel()
		got, ok := readMark([]byte(`{"id":"1","payload":{"data":{"message":{"id":"m","seq":77,"body":"` + m.body() + `"}}}}`))
		if !ok || got.round != 3 || got.number != 41 || got.seq != 77 || !got.sent.Equal(m.sent) {
			t.Fatalf("got %+v, %v", got, ok)
		}
	})
	t.Run("is not found where there is none", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"", `"body":"hello"`, `"body":"mark 1 2: hello"`, `"body":"mark 1 2 x: hello"`, `"mark`} {
			if got, ok := readMark([]byte(text)); ok {
				t.Errorf("%s: got %+v", text, got)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	t.Run("all parts are measured unless some are named", func(t *testing.T) {
		t.Parallel()
		chosen, b, err := options(nil, io.Discard)
		if err != nil || len(chosen) != len(parts) || b.short {
			t.Fatalf("got %d parts, %v", len(chosen), err)
		}
		chosen, b, err = options([]string{"-short", "-only", "send, inbox"}, io.Discard)
		names := []string{}
		for _, p := range chosen {
			names = append(names, p.name)
		}
		if err != nil || !b.short || !slices.Equal(names, []string{"send", "inbox"}) {
			t.Fatalf("got %q, %v", names, err)
		}
	})
	t.Run("what there is not is refused", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"-only", "outbox"}, {"inbox"}, {"-long"}} {
			if _, _, err := options(args, io.Discard); err == nil {
				t.Errorf("%q is taken", args)
			}
		}
	})
	t.Run("the help has an example", func(t *testing.T) {
		t.Parallel()
		var help strings.Builder
		if _, _, err := options([]string{"-help"}, &help); err == nil || !strings.Contains(help.String(), "go run ./internal/bench -short -only") {
			t.Fatalf("got %v: %s", err, help.String())
		}
	})
}

func TestRow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		row  row
		want string
	}{
		{"a goal is met by the median", row{goal: below(5, "ms"), values: []float64{9, 1, 2}}, "met"},
		{"a goal is missed by the median", row{goal: below(5, "ms"), values: []float64{9, 1, 7}}, "MISSED"},
		{"without a goal there is no verdict", row{values: []float64{9}}, ""},
		{"without a figure there is no verdict", row{goal: below(5, "ms")}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.row.verdict(); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestProcessorTime(t *testing.T) {
	t.Parallel()
	before := usageNow()
	if !before.known {
		t.Skip("this system does not tell")
	}
	for began, x := time.Now(), 0; time.Since(began) < 100*time.Millisecond; x++ {
		_ = x
	}
	if used := usageNow().ours - before.ours; used < 20*time.Millisecond {
		t.Fatalf("100 ms of work took %v of processor time", used)
	}
}
