package transport_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestShutdown(t *testing.T) {
	t.Parallel()

	inTime(t, "sockets close with 1012 spread over the time, behind what was queued", func(t *testing.T) {
		f := serveInMemory(t)
		start, ends := time.Now(), make(chan time.Duration, 4)
		var subs []subscription
		for range 4 {
			c := f.ready(t)
			sub := f.standing(t, c)
			sub.flood(10)
			subs = append(subs, sub)
			go func() {
				if got := c.closedAfter(1012, "Service restart"); len(got) != 10 {
					t.Errorf("%d results came", len(got))
				}
				ends <- time.Since(start)
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		f.Shutdown(ctx)
		var got []time.Duration
		for _, sub := range subs {
			got = append(got, (<-ends).Round(100*time.Millisecond))
			sub.ended(t)
		}
		if want := []time.Duration{0, 1500 * time.Millisecond, 3 * time.Second, 4500 * time.Millisecond}; !slices.Equal(got, want) {
			t.Errorf("they ended after %v, want %v", got, want)
		}
	})

	inTime(t, "who leaves by themselves are not waited for", func(t *testing.T) {
		f := serveInMemory(t)
		var clients []*client
		for range 4 {
			clients = append(clients, f.ready(t))
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() {
			for _, c := range clients {
				_ = c.ws.CloseNow()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		f.Shutdown(ctx)
		takes(t, start, time.Second)
	})

	inTime(t, "what does not end in time is cut off", func(t *testing.T) {
		f := serveInMemory(t)
		sub := f.standing(t, f.ready(t))
		sub.flood(10)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		f.Shutdown(ctx)
		takes(t, start, 3*time.Second)
		sub.ended(t)
	})

	inTime(t, "nothing new is taken, and requests still are", func(t *testing.T) {
		f := serveInMemory(t)
		f.Shutdown(t.Context())
		if c, response := f.tryDial(t, "graphql-transport-ws"); c != nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Error("a socket was taken")
		}
		for accept, status := range map[string]int{"text/event-stream": 503, "application/json": 200} {
			response, err := f.client.Do(f.request(t, http.MethodPost, `{"query":"{ hello }"}`, "Accept", accept))
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != status {
				t.Errorf("%s was answered %s", accept, response.Status)
			}
		}
		f.Shutdown(t.Context())
	})

	inTime(t, "event streams end without their last event, behind what was queued", func(t *testing.T) {
		f := serveInMemory(t)
		s := f.stream(t, subscribes())
		sub := f.subscriptions.take(t)
		sub.next("1", "")
		sub.next("2", "")
		go f.Shutdown(t.Context())
		s.want(":\n\n" + eventOf("1", "") + eventOf("2", ""))
		s.wantEnd()
		sub.ended(t)
	})
}
