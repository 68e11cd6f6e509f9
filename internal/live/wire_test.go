package live

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/convenehq/convene/internal/telemetry"
)

func TestWire(t *testing.T) {
	t.Parallel()
	u := Update{Seq: 7, Author: uuid.UUID{1}, Subject: uuid.UUID{2}, SubjectSeq: 5, Data: []byte(`{"kind":"SENT"}`)}

	t.Run("without traces it is what nodes from before there were any read and write", func(t *testing.T) {
		t.Parallel()
		for _, hidden := range []bool{false, true} {
			u := u
			u.Hidden = hidden
			flag := map[bool]byte{false: 0, true: 1}[hidden]
			want := bytes.Join([][]byte{{0, 0, 0, 0, 0, 0, 0, 7}, u.Author[:], u.Subject[:], {0, 0, 0, 0, 0, 0, 0, 5}, {flag}, u.Data}, nil)
			if diff := cmp.Diff(want, u.encode()); diff != "" {
				t.Error(diff)
			}
			if got, err := decodeUpdate(want); err != nil || !cmp.Equal(u, got) {
				t.Errorf("got %+v, %v", got, err)
			}
		}
	})
	t.Run("with traces it brings the name of its span", func(t *testing.T) {
		t.Parallel()
		stop, err := telemetry.Collect(t.Context(), sdktrace.NewSimpleSpanProcessor(tracetest.NewInMemoryExporter()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stop(t.Context()) }()
		_, span := telemetry.StartRequest(t.Context(), nil, "POST")
		u := u
		u.Hidden, u.Trace = true, telemetry.Name(span)
		got, err := decodeUpdate(u.encode())
		if err != nil || got.Trace == nil || got.Trace.SpanID() != span.SpanContext().SpanID() || !got.Trace.IsRemote() {
			t.Fatalf("got %+v, %v", got, err)
		}
		if got.Trace = u.Trace; got.Hidden != u.Hidden || !bytes.Equal(got.Data, u.Data) || got.SubjectSeq != u.SubjectSeq {
			t.Errorf("got %+v, want %+v", got, u)
		}
	})
	t.Run("it says whether it only takes something away", func(t *testing.T) {
		t.Parallel()
		for _, removes := range []bool{false, true} {
			u := u
			u.Removes = removes
			if got, err := decodeUpdate(u.encode()); err != nil || !cmp.Equal(u, got) {
				t.Errorf("got %+v, %v", got, err)
			}
		}
	})
	t.Run("what is cut off is refused", func(t *testing.T) {
		t.Parallel()
		b := u.encode()
		b[48] = flagTraced
		for _, short := range [][]byte{b[:20], b} {
			if _, err := decodeUpdate(short); err == nil {
				t.Errorf("%d bytes are read", len(short))
			}
		}
	})
}
