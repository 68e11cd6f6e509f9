package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/convenehq/convene/internal/telemetry"
)

func scrape(t *testing.T, r *telemetry.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	return w.Body.String()
}

var tested = telemetry.NewCounters("convene_test_total", "A number of this test.", "kind")

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := telemetry.NewRegistry()
	r.Gauge("convene_test_now", "A gauge of this test.", func() float64 { return 4 })
	r.Gauges([]string{"queue", "state"}, func(context.Context) ([]telemetry.Sample, error) {
		return []telemetry.Sample{
			{Labels: []string{"mail", "ready"}, Values: []float64{2, 0.5}}, {Labels: []string{"push", "parked"}, Values: []float64{1, 60}},
		}, nil
	}, telemetry.Gauge{Name: "convene_test_queue", Help: "How many."}, telemetry.Gauge{Name: "convene_test_oldest_seconds", Help: "How old."})
	r.Gauges(nil, func(context.Context) ([]telemetry.Sample, error) {
		return nil, errors.New("PostgreSQL is away")
	}, telemetry.Gauge{Name: "convene_test_away", Help: "Can not be read."})
	tested.WithLabelValues("good").Add(3)
	text := scrape(t, r)

	t.Run("what the process counts and what the node is asked for stand together", func(t *testing.T) {
		t.Parallel()
		for _, line := range []string{
			`convene_test_total{kind="good"} 3`, "convene_test_now 4",
			`convene_test_queue{queue="mail",state="ready"} 2`, `convene_test_oldest_seconds{queue="push",state="parked"} 60`,
			"go_goroutines ", "process_open_fds ", "convene_build_info{",
		} {
			if !strings.Contains(text, line) {
				t.Errorf("there is no %s", line)
			}
		}
	})
	t.Run("numbers that can not be read are left out and hide no others", func(t *testing.T) {
		t.Parallel()
		if strings.Contains(text, "convene_test_away") {
			t.Errorf("got:\n%s", text)
		}
	})
	t.Run("every number says what it is", func(t *testing.T) {
		t.Parallel()
		if help, types := strings.Count(text, "# HELP "), strings.Count(text, "# TYPE "); help < 30 || help != types {
			t.Errorf("%d of %d are explained", help, types)
		}
	})
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, true, slog.LevelInfo).With("node", "a")
	log.InfoContext(telemetry.WithRequestID(t.Context(), "req_1"), "In a request", "rows", 2)
	log.Info("Outside of one")
	log.Debug("Below the level")
	var lines []map[string]any
	for d := json.NewDecoder(&out); d.More(); {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if len(lines) != 2 || lines[0]["requestId"] != "req_1" || lines[0]["node"] != "a" || lines[1]["requestId"] != nil {
		t.Fatalf("got %v", lines)
	}
}

// everySpan does what a request does, with every function that stands on its way.
func everySpan(ctx context.Context) {
	ctx, span := telemetry.Start(ctx, "append", telemetry.Within)
	telemetry.SetText(span, "key", "value")
	telemetry.SetNumber(span, "number", 1)
	telemetry.Link(span, telemetry.Name(span))
	_, delivered := telemetry.StartFrom(telemetry.Collected(ctx), "deliver", telemetry.Receives)
	telemetry.Fail(delivered, "because")
	delivered.End()
	span.End()
}

//nolint:paralleltest // counts what is allocated meanwhile
func TestTracesCostNothingWhileNobodyCollects(t *testing.T) {
	ctx := telemetry.WithRequestID(t.Context(), "req_1")
	if n := testing.AllocsPerRun(100, func() { everySpan(ctx) }); n != 0 {
		t.Errorf("a request allocates %v times", n)
	}
}

func BenchmarkSpansNotCollected(b *testing.B) {
	for b.Loop() {
		everySpan(b.Context())
	}
}

//nolint:paralleltest // the one above wants nobody to collect
func TestCarried(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	stop, err := telemetry.Collect(t.Context(), sdktrace.NewSimpleSpanProcessor(exporter))
	if err != nil {
		t.Fatal(err)
	}
	_, root := telemetry.StartRequest(t.Context(), nil, "POST")
	bytes := telemetry.AppendCarried(nil, telemetry.Name(root))
	there := telemetry.ReadCarried(bytes)
	if len(bytes) != telemetry.CarriedLength || there.TraceID() != root.SpanContext().TraceID() || there.SpanID() != root.SpanContext().SpanID() || !there.IsRemote() {
		t.Errorf("got %v of %v", there, root.SpanContext())
	}
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := telemetry.ReadCarried(bytes); got != nil {
		t.Errorf("a node that does not collect reads %v", got)
	}
}
