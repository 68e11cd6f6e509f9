package transport_test

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/telemetry"
)

// number is a series of a scrape; 0 if it is not there.
func number(t *testing.T, r *telemetry.Registry, series string) int {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\d+)$`).FindStringSubmatch(w.Body.String())
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

//nolint:paralleltest // counts for the process, among which the other tests would be
func TestReport(t *testing.T) {
	r := telemetry.NewRegistry()
	f := serve(t)
	f.Report(r)
	c := f.ready(t)

	for _, o := range []struct{ name, query, typ, code string }{
		{"a query", "{ hello }", "query", "OK"},
		{"a mutation", "mutation { touch }", "mutation", "OK"},
		{"a document that is none", "{", "none", "GRAPHQL_PARSE_FAILED"},
		{"a field that fails", "{ fail }", "query", "INTERNAL"},
		{"a field that panics", "{ explode }", "query", "INTERNAL"},
	} {
		t.Run(o.name+" is counted by its type and outcome", func(t *testing.T) {
			series := `convene_graphql_operations_total{code="` + o.code + `",transport="websocket",type="` + o.typ + `"}`
			before := number(t, r, series)
			text, _ := json.Marshal(o.query)
			c.send(`{"id":"a","type":"subscribe","payload":{"query":` + string(text) + `}}`)
			for range 1 + map[bool]int{true: 1}[o.code == "OK" || o.query == "{ fail }"] {
				c.next()
			}
			if got := number(t, r, series) - before; got != 1 {
				t.Errorf("counted %d times", got)
			}
		})
	}
	t.Run("a subscription is counted when it stands, and open until it ends", func(t *testing.T) {
		const series = `convene_graphql_operations_total{code="OK",transport="websocket",type="subscription"}`
		before := number(t, r, series)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		if number(t, r, "convene_subscriptions_open") != 1 || number(t, r, "convene_sockets_open") != 1 {
			t.Error("it is not open")
		}
		eventually(t, "it is counted", func() bool { return number(t, r, series) == before+1 })
		sub.to.Complete()
		eventually(t, "it is over", func() bool { return number(t, r, "convene_subscriptions_open") == 0 })
	})
	t.Run("a subscription that is refused is counted by why, also after a panic", func(t *testing.T) {
		const series = `convene_graphql_operations_total{code="INTERNAL",transport="websocket",type="subscription"}`
		before := number(t, r, series)
		c := serve(t, func(o *transport.Options) { o.Subscriptions = panicking{} }).ready(t)
		c.send(subscribeA)
		c.wantError("INTERNAL")
		eventually(t, "it is counted", func() bool { return number(t, r, series) == before+1 })
	})
}
