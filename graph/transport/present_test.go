package transport_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/graph/transport"
)

// A door counts who is in.
type door struct {
	mu sync.Mutex
	in map[uuid.UUID]int
	// came is how often anybody has.
	came int
}

func (d *door) enter(account uuid.UUID) func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in[account]++
	d.came++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.in[account]--
	}
}

// has is how many connections Ada and Bob have, and how many there ever were.
func (d *door) has() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.in[ada.Account()], d.in[bob.Account()], d.came)
}

func TestPresent(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) (*fixture, *door) {
		t.Helper()
		d := &door{in: map[uuid.UUID]int{}}
		return serve(t, func(o *transport.Options) { o.Present = d.enter }), d
	}
	want := func(t *testing.T, d *door, want string) {
		t.Helper()
		eventually(t, want, func() bool { return d.has() == want })
	}

	t.Run("a socket counts from its acknowledgement to its end, of whom it is signed in as", func(t *testing.T) {
		t.Parallel()
		f, d := open(t)
		c := f.dial(t, "Cookie", "who=bob")
		c.send(`{"type":"ping"}`)
		c.want(`{"type":"pong"}`)
		want(t, d, "0 0 0")
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		want(t, d, "1 0 1")
		f.ready(t, "Cookie", "who=bob")
		want(t, d, "1 1 2")
		_ = c.ws.CloseNow()
		want(t, d, "0 1 2")
	})
	t.Run("nobody's does not, nor one that is refused", func(t *testing.T) {
		t.Parallel()
		f, d := open(t)
		f.ready(t)
		refused := f.dial(t)
		refused.sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer mallory"}}`, 4403, "")
		want(t, d, "0 0 0")
	})
	t.Run("an event stream of a subscription counts, what is answered at once does not", func(t *testing.T) {
		t.Parallel()
		f, d := open(t)
		for _, accept := range []string{"application/json", "text/event-stream"} {
			response, err := f.client.Do(f.request(t, "POST", `{"query":"{ hello }"}`, "Accept", accept, "Cookie", "who=ada"))
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, response.Body)
			_ = response.Body.Close()
		}
		want(t, d, "0 0 0")
		response, err := f.client.Do(f.request(t, "POST", subscribes(), "Accept", "text/event-stream", "Cookie", "who=ada"))
		if err != nil {
			t.Fatal(err)
		}
		f.subscriptions.take(t)
		want(t, d, "1 0 1")
		_ = response.Body.Close()
		want(t, d, "0 0 1")
	})
}
