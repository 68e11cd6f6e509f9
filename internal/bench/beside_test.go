package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestMain lets this program be a host or an audience, which parts of the bench start as processes of their own.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && modes[os.Args[1]] != nil {
		main()
	}
	os.Exit(m.Run())
}

func TestStage(t *testing.T) {
	t.Parallel()
	b := &bench{short: true, say: t.Logf}
	var err error
	if b.house, err = openHouse(t.Context(), b.say); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.house.close(); err != nil {
			t.Error(err)
		}
	}()
	s, err := b.openStage(t.Context(), casting{people: 4, rooms: 2, members: 3, sockets: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, side := range s.sides {
		for round := range 2 {
			turn, err := s.play(t.Context(), side, side.rooms, round+1, 10, 100, 10*time.Second)
			if err != nil {
				t.Fatal(side.name, err)
			}
			if turn.owed != 40 || turn.Deliveries != 40 || turn.wrong() != 0 || turn.Ended != 0 {
				t.Errorf("%s: got %+v", side.name, turn)
			}
			if turn.used <= 0 || turn.P99 <= 0 {
				t.Errorf("%s: nothing was measured: %+v", side.name, turn)
			}
		}
	}
	memory, goroutines, err := s.rest()
	if err != nil || len(memory[1]) != 1 || goroutines[0][0] <= 0 || goroutines[1][0] <= goroutines[0][0] {
		t.Errorf("got %v and %v, %v", memory, goroutines, err)
	}
}

// A shaky node closes each socket after two messages, with a code, and goes on behind the cursor where the client
// asks for that.
func shaky(t *testing.T, code websocket.StatusCode, skips int64) (endpoint string) {
	t.Helper()
	var sent atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Error(err)
			return
		}
		ctx, after := r.Context(), sent.Load()
		_, _, _ = ws.Read(ctx)
		_ = ws.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_ack"}`))
		if _, text, _ := ws.Read(ctx); after > 0 && !strings.Contains(string(text), fmt.Sprintf(`"after":"cursor%d"`, after)) {
			t.Errorf("behind %d was asked for %s", after, text)
		}
		for range 2 {
			seq := sent.Add(1)
			if seq > 2 {
				seq += skips
			}
			_ = ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil,
				`{"id":"1","type":"next","payload":{"cursor":"cursor%d","message":{"seq":%d,"body":"%s"}}}`,
				sent.Load(), seq, mark{round: 1, sent: time.Now()}.body()))
		}
		if sent.Load() < 6 {
			_ = ws.Close(code, "Too slow")
			return
		}
		_, _, _ = ws.Read(ctx)
	}))
	t.Cleanup(s.CloseClientConnections)
	return s.URL
}

// heard is what one socket has heard once it has heard so many messages, or failed.
func heard(t *testing.T, endpoint string, messages int) (report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e := &ears{}
	if err := e.open(ctx, watching{Endpoint: endpoint, Tokens: []string{"a"}, Conversations: []string{"c"}, Seats: make([]seat, 1)}); err != nil {
		t.Fatal(err)
	}
	for {
		r, err := e.report(order{Round: 1, Deliveries: messages})
		if err != nil || r.Deliveries >= messages || wait(ctx, 5*time.Millisecond) != nil {
			return r, err
		}
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	t.Run("a socket that is closed for being slow comes back by its cursor", func(t *testing.T) {
		t.Parallel()
		r, err := heard(t, shaky(t, 1013, 0), 6)
		if want := (tally{Resumed: 2}); err != nil || r.Deliveries != 6 || r.tally != want {
			t.Fatalf("got %+v, %v", r, err)
		}
	})
	t.Run("what it is not given then counts as lost", func(t *testing.T) {
		t.Parallel()
		r, err := heard(t, shaky(t, 1013, 3), 6)
		if want := (tally{Resumed: 2, Lost: 3}); err != nil || r.tally != want {
			t.Fatalf("got %+v, %v", r, err)
		}
	})
	t.Run("a socket that is closed for anything else is a failure", func(t *testing.T) {
		t.Parallel()
		if r, err := heard(t, shaky(t, 1011, 0), 6); err == nil || !strings.Contains(err.Error(), "1011") {
			t.Fatalf("got %+v, %v", r, err)
		}
	})
}

func TestContest(t *testing.T) {
	t.Parallel()
	c := contest{{10, 12, 11}, {40, 30, 44}}
	r := c.row("CPU", "µs", 3)
	if r.beside != "stock 40 (30–44): 0.25 × (0.25–0.4)" || r.goal.text != "≤ 1/3 of stock" || r.verdict() != "met" {
		t.Errorf("got %q, %q, %s", r.beside, r.goal.text, r.verdict())
	}
	if r := c.row("CPU", "µs", 5); r.verdict() != "MISSED" {
		t.Errorf("got %s", r.verdict())
	}
}
