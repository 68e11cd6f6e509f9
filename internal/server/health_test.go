package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	redis, err := live.OpenRedis("redis://127.0.0.1:1") // nobody listens
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	d := testkit.DB(t)
	n := node.On(t, d, live.Options{Redis: redis})
	o := optionsOn(t, production, d, n, slog.New(slog.DiscardHandler))
	h, operators := server.Routes(o), server.Operators(o)
	tells := func(number string) {
		t.Helper()
		if text := get(t, operators, "127.0.0.1", "/metrics").Body.String(); !strings.Contains(text, "\n"+number+"\n") {
			t.Errorf("operators are not told %s", number)
		}
	}
	ready := func() (status int, word, reasons string) {
		w := get(t, h, "127.0.0.1", "/readyz")
		var got struct {
			Status  string
			Reasons []string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return w.Code, got.Status, strings.Join(got.Reasons, " ")
	}

	t.Run("without Redis a node is degraded and serves", func(t *testing.T) {
		for end := time.Now().Add(patience); !n.Hub.Degraded(); {
			if time.Now().After(end) {
				t.Fatal("the hub does not notice")
			}
			time.Sleep(time.Millisecond) //nolint:forbidigo // polls the hub
		}
		if status, word, reasons := ready(); status != http.StatusOK || word != "degraded" || !strings.Contains(reasons, "Redis is away") {
			t.Errorf("got %d %s: %s", status, word, reasons)
		}
		tells("convene_ready 1")
	})
	t.Run("without PostgreSQL too it does not serve, and gives both reasons", func(t *testing.T) {
		_ = d.Close()
		status, word, reasons := ready()
		if status != http.StatusServiceUnavailable || word != "not ready" || !strings.Contains(reasons, "Redis") || !strings.Contains(reasons, "PostgreSQL") {
			t.Errorf("got %d %s: %s", status, word, reasons)
		}
		tells("convene_ready 0")
	})
}
