package transport_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/convenehq/convene/graph/transport"
)

func TestPens(t *testing.T) {
	t.Parallel()

	t.Run("who reads late gets all of it in order, and holds up nobody", func(t *testing.T) {
		t.Parallel()
		const large, count = 256 << 10, 60 // more than a system holds for a socket
		f := serve(t, limits(transport.Limits{Queue: 2 * large * count}))
		late, other := f.ready(t), f.ready(t)
		subs := []subscription{f.subscribed(t, late), f.subscribed(t, other)}
		for i := range count {
			text := fmt.Sprintf("%04d%s", i, strings.Repeat("x", large))
			for _, sub := range subs {
				sub.next(text, "")
			}
			if got := other.next(); !strings.Contains(got, fmt.Sprintf(`"%04d`, i)) {
				t.Fatalf("got %.80s in the place of %d", got, i)
			}
		}
		for i := range count {
			if got := late.next(); !strings.Contains(got, fmt.Sprintf(`"%04d`, i)) || len(got) < large {
				t.Fatalf("got %d bytes in the place of %d: %.80s", len(got), i, got)
			}
		}
		for range 3 { // and then as if nothing had been
			subs[0].next("soon", "")
			late.want(nextA("soon"))
		}
	})

	t.Run("many sockets get many results", func(t *testing.T) {
		t.Parallel()
		const sockets, count = 100, 50
		f := serve(t)
		clients, subs := make([]*client, sockets), make([]subscription, sockets)
		for i := range clients {
			clients[i] = f.ready(t)
			subs[i] = f.subscribed(t, clients[i])
		}
		go func() {
			for i := range count {
				for _, sub := range subs {
					sub.next(fmt.Sprint(i), "")
				}
			}
		}()
		for _, c := range clients {
			for i := range count {
				c.want(nextA(fmt.Sprint(i)))
			}
		}
	})
}

// subscribed has a client subscribe.
func (f *fixture) subscribed(t *testing.T, c *client) subscription {
	t.Helper()
	c.send(subscribeA)
	return f.subscriptions.take(t)
}
