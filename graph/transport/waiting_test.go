package transport_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/convenehq/convene/graph/transport"
)

func TestWaiting(t *testing.T) {
	t.Parallel()
	inTime(t, "what is owed to all together is bounded, and has room again when it was read", func(t *testing.T) {
		f := serveInMemory(t, limits(transport.Limits{Queue: 16 << 10, Owed: 80 * longResult}),
			func(o *transport.Options) { o.Subscriptions = replay{o.Subscriptions.(subscriptions), 60} })
		wants := func(c *client) {
			t.Helper()
			for i := range 60 {
				if got := c.next(); !strings.Contains(got, fmt.Sprintf(`"%04d`, i)) {
					t.Fatalf("got %.80s in the place of %d", got, i)
				}
			}
		}
		first, second := f.ready(t), f.ready(t)
		f.standing(t, first)
		f.standing(t, second)
		if got := second.closedAfter(1013, "Too slow"); len(got) < 20 || len(got) > 50 {
			t.Errorf("%d results came before the end", len(got))
		}
		wants(first)
		gone := f.ready(t)
		f.standing(t, gone)
		_ = gone.ws.CloseNow()
		synctest.Wait()
		third := f.ready(t)
		f.standing(t, third)
		wants(third)
	})

	inTime(t, "while too much waits on the node less may wait for each, and more again when it was read", func(t *testing.T) {
		f := serveInMemory(t, limits(transport.Limits{Queue: 40 * longResult, Waiting: 60 * longResult}))
		sent := func(c *client, count int) (got int) {
			t.Helper()
			sub := f.standing(t, c)
			sub.flood(count)
			synctest.Wait()
			sub.next("last", "")
			for range count {
				if !strings.Contains(c.next(), "next") {
					break
				}
				got++
			}
			return got
		}
		hold, other := f.ready(t), f.ready(t)
		holds := f.standing(t, hold)
		holds.flood(38)
		synctest.Wait()
		others := f.standing(t, other)
		others.flood(38)
		synctest.Wait()
		if got := other.closedAfter(1013, "Too slow"); len(got) < 10 || len(got) == 38 {
			t.Errorf("%d results came before the end", len(got))
		}
		for range 38 {
			hold.next()
		}
		third := f.ready(t)
		if got := sent(third, 38); got != 38 {
			t.Errorf("with room again %d results came", got)
		}
	})
}
