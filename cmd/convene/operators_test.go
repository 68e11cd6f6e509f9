package main_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func fetch(t *testing.T, address string) (int, string) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestOperators(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 64)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- r.URL.Path + " " + string(body)
	}))
	t.Cleanup(collector.Close)
	address := freeAddress(t)
	n := start(t, "CONVENE_DATA="+dataDir(t), "CONVENE_METRICS_ADDR="+address, "CONVENE_LOG_LEVEL=debug", "CONVENE_LOG=json",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=50")
	ada, grace := n.signIn("ada"), n.signIn("grace")
	conversation := n.conversation(ada)
	events := n.watch(grace, conversation)
	n.send(ada, conversation, "counted")
	arrives(t, events, "counted")
	_ = n.query(ada, "{ nonsense", nil)
	var text string
	eventually(t, "the subscription is counted", func() error { // which may be after its first update is there
		_, text = fetch(t, "http://"+address+"/metrics")
		if !strings.Contains(text, `code="OK",transport="sse",type="subscription"} 1`) {
			return errors.New("not yet")
		}
		return nil
	})

	for what, expressions := range map[string][]string{
		"the dashboards ask": inDashboards(t),
		"the alerts ask":     inAlerts(t),
		"the handbook asks":  inHandbook(t),
	} {
		t.Run(what+" for numbers that there are", func(t *testing.T) {
			t.Parallel()
			there := names(text)
			for _, name := range asked(expressions) {
				if !slices.Contains(there, name) {
					t.Errorf("the node does not have %s", name)
				}
			}
		})
	}
	t.Run("what happened was counted", func(t *testing.T) {
		t.Parallel()
		for _, line := range []string{
			`convene_graphql_operations_total{code="OK",transport="http",type="mutation"} 1`,
			`convene_graphql_operations_total{code="GRAPHQL_PARSE_FAILED",transport="http",type="none"} 1`,
			`convene_graphql_operations_total{code="OK",transport="sse",type="subscription"} 1`,
			`convene_http_requests_total{method="POST",route="/graphql",status="200"}`,
			`convene_event_streams_open 1`, `convene_subscriptions_open 1`, `convene_people_online 1`, `convene_redis_down 0`, `convene_ready 1`,
			`convene_sql_duration_seconds_count{verb="COMMIT"}`, `go_sql_max_open_connections{db_name="convene"} 32`,
		} {
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("there is no line %s", line)
			}
		}
		if regexp.MustCompile(`\nconvene_migration_version [1-9]`).FindString(text) == "" || strings.Contains(text, "sendMessage") {
			t.Error("the migrations are not told, or what a client named is")
		}
	})
	t.Run("the numbers are at their own address alone, and health at both", func(t *testing.T) {
		t.Parallel()
		for path, want := range map[string]int{
			n.url + "/metrics": http.StatusNotFound, n.url + "/readyz": http.StatusOK,
			"http://" + address + "/readyz": http.StatusOK, "http://" + address + "/healthz": http.StatusOK,
			"http://" + address + "/graphql": http.StatusNotFound,
		} {
			if got, _ := fetch(t, path); got != want {
				t.Errorf("%s is answered %d, want %d", path, got, want)
			}
		}
	})
	t.Run("traces arrive where the settings say", func(t *testing.T) {
		t.Parallel()
		seen := ""
		eventually(t, "a trace of the send", func() error {
			select {
			case some := <-arrived:
				seen += some
			default:
			}
			if !strings.HasPrefix(seen, "/v1/traces ") || !strings.Contains(seen, "mutation sendMessage") {
				return fmt.Errorf("%d bytes have come", len(seen))
			}
			return nil
		})
	})
	t.Run("at debug each request has a line, with its id and its trace", func(t *testing.T) {
		t.Parallel()
		eventually(t, "the line", func() error {
			if !regexp.MustCompile(`"msg":"Answered".*"path":"/graphql".*"requestId":"req_[^"]+","traceId":"[0-9a-f]{32}"`).MatchString(n.out.String()) {
				return errors.New(n.out.String())
			}
			return nil
		})
	})
}
