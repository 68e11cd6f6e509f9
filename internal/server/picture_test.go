package server_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

var update = flag.Bool("update", false, "draw docs/img/trace.svg anew, from spans of this run")

// picture compares docs/img/trace.svg with two sends that are gathered in one batch. Its times are of the run that
// drew it; which spans there are, and how they hang together, is the same each time.
func (c *chat) picture(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "img", "trace.svg")
	drawn := c.drawPair(t)
	if *update {
		if err := os.WriteFile(file, []byte(drawn), 0o644); err != nil { //nolint:gosec // a picture for everybody
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want, got := spansIn(drawn), spansIn(string(kept)); !slices.Equal(want, got) {
		t.Errorf("%s shows\n%s\nbut there are\n%s\nDraw it anew: go test ./internal/server -run OneTrace -update",
			file, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// spansIn are the spans that a picture shows, with the node and how deep they stand; in no order, since two nodes
// deliver at the same time.
func spansIn(picture string) []string {
	all := regexp.MustCompile(`<text class="span" x="\d+"|<rect class="(?:a|b|pg)" [^>]*rx="2.5"|>[^<]+</text>`).FindAllString(picture, -1)
	var spans []string
	for i, text := range all {
		if strings.HasPrefix(text, "<text") {
			spans = append(spans, text[len(`<text class="span" x=`):]+all[i+1]+all[i+2][:len(`<rect class="a`)])
		}
	}
	slices.Sort(spans)
	return spans
}

// drawPair sends some messages at once until two of them have gathered while the others were written, and draws these
// two once they have arrived on both nodes. How many it takes depends on the machine.
func (c *chat) drawPair(t *testing.T) string {
	t.Helper()
	end := time.Now().Add(patience)
	for try := 0; time.Now().Before(end); try++ {
		c.spans.Reset()
		var sends sync.WaitGroup
		for range 3 + try%4 {
			sends.Go(func() { c.send("pair") })
		}
		sends.Wait()
		for range 20 {
			if roots := c.pair(); roots != nil {
				return drawWaterfall(c.spans.GetSpans(), roots, []string{"One send", "Another, in the same batch"})
			}
			time.Sleep(5 * time.Millisecond) //nolint:forbidigo // polls what other goroutines export
		}
	}
	t.Fatalf("no two sends went together within %v", patience)
	return ""
}

// pair is the requests of two sends that went together, first the one that the batch belongs to; nil if there are
// none, or not all of their spans.
func (c *chat) pair() tracetest.SpanStubs {
	spans := c.spans.GetSpans()
	root := func(id trace.TraceID) tracetest.SpanStub {
		return spans[slices.IndexFunc(spans, func(s tracetest.SpanStub) bool {
			return s.SpanContext.TraceID() == id && s.SpanKind == trace.SpanKindServer
		})]
	}
	for _, batch := range spans {
		if batch.Name != "append_messages" || len(batch.Links) != 1 {
			continue
		}
		first, other := batch.SpanContext.TraceID(), batch.Links[0].SpanContext.TraceID()
		if c.tree(first) == firstTree && c.tree(other) == otherTree {
			return tracetest.SpanStubs{root(first), root(other)}
		}
	}
	return nil
}

// The trees of two sends at once by one person, whose session is checked for both in the trace of a third.
const (
	firstTree = `server POST /graphql (from elsewhere)
  internal mutation sendMessage
    internal append
      internal append_messages
        client SELECT
      producer publish
        consumer deliver
        consumer deliver (from elsewhere)
`
	otherTree = `server POST /graphql (from elsewhere)
  internal mutation sendMessage
    internal append
      producer publish
        consumer deliver
        consumer deliver (from elsewhere)
`
)
