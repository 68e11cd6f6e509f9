package transport_test

import (
	"testing"
	"time"
)

// lasts wants the test to have taken about as long as credentials are good: a fifth more or less.
func lasts(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(since); got < want*8/10 || got > want*12/10+time.Millisecond {
		t.Errorf("it took %v, want %v or a fifth more or less", got, want)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	signedIn := func(t *testing.T, f *fixture, life string) *client {
		c := f.dial(t)
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada for ` + life + `"}}`)
		c.want(`{"type":"connection_ack"}`)
		return c
	}

	inTime(t, "a socket closes with 4403 when its credentials end, behind what was queued", func(t *testing.T) {
		f := serveInMemory(t)
		start, c := time.Now(), signedIn(t, f, "18s")
		sub := f.standing(t, c)
		sub.flood(10)
		got := c.closedAfter(4403, "Credentials expired")
		if len(got) != 10 {
			t.Errorf("%d results came", len(got))
		}
		lasts(t, start, 18*time.Second)
		sub.ended(t)
	})

	inTime(t, "a ping with a fresh token extends its life", func(t *testing.T) {
		start, c := time.Now(), signedIn(t, serveInMemory(t), "10s")
		for range 5 {
			<-time.After(2 * time.Second)
			c.send(`{"type":"ping","payload":{"authorization":"Bearer ada for 10s"}}`)
			c.want(`{"type":"pong"}`)
		}
		c.send(`{"type":"ping","payload":{"authorization":"Bearer ada for 1s"}}`)
		c.want(`{"type":"pong"}`)
		c.wantClose(4403, "Credentials expired")
		lasts(t, start, 20*time.Second)
	})

	inTime(t, "a socket that signed in by cookie ends with it", func(t *testing.T) {
		start, c := time.Now(), serveInMemory(t).ready(t, "Cookie", "who=bob", "Cookie", "life=15s")
		c.wantClose(4403, "Credentials expired")
		lasts(t, start, 15*time.Second)
	})

	inTime(t, "an event stream ends without its last event, for the client to come back", func(t *testing.T) {
		f := serveInMemory(t)
		start := time.Now()
		s := f.stream(t, subscribes(), "Cookie", "who=bob", "Cookie", "life=12s")
		f.subscriptions.take(t).next("1", "c1")
		s.want(":\n\n" + eventOf("1", "c1"))
		s.wantEnd()
		lasts(t, start, 12*time.Second)
	})
}
