package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/convenehq/convene/graph/transport"
)

// inTime runs a test in a bubble, where hours pass at once.
func inTime(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

// takes wants the test to have taken this long, give or take a tenth.
func takes(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(since); got < want-want/10 || got > want+want/10 {
		t.Errorf("it took %v, want %v", got, want)
	}
}

const longResult = 4 << 10

// flood delivers results of 4 KiB, numbered from 0.
func (s subscription) flood(n int) {
	for i := range n {
		s.next(fmt.Sprintf("%04d%s", i, strings.Repeat("x", longResult-4)), "")
	}
}

// standing is a subscription that stands: what comes now counts.
func (f *fixture) standing(t *testing.T, c *client) subscription {
	t.Helper()
	c.send(subscribeA)
	sub := f.subscriptions.take(t)
	synctest.Wait()
	return sub
}

func TestTimeOuts(t *testing.T) {
	t.Parallel()

	inTime(t, "without init a socket closes with 4408 after ten seconds", func(t *testing.T) {
		start, c := time.Now(), serveInMemory(t).dial(t)
		c.send(`{"type":"ping"}`)
		c.want(`{"type":"pong"}`)
		c.wantClose(4408, "Connection initialisation timeout")
		takes(t, start, 10*time.Second)
	})

	inTime(t, "a client that answers no ping is let go", func(t *testing.T) {
		f := serveInMemory(t)
		start, c := time.Now(), f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		c.want(`{"type":"ping"}`)
		takes(t, start, 25*time.Second)
		c.wantClose(1001, "Ping not answered")
		takes(t, start, 50*time.Second)
		sub.ended(t)
	})

	inTime(t, "a client that answers pings stays", func(t *testing.T) {
		c := serveInMemory(t).ready(t)
		for start := time.Now(); time.Since(start) < time.Hour; {
			c.want(`{"type":"ping"}`)
			c.send(`{"type":"pong"}`)
		}
	})

	inTime(t, "the pings of a client that answers none count as well", func(t *testing.T) {
		c := serveInMemory(t).ready(t)
		go func() {
			for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(20 * time.Second) {
				_ = c.ws.Ping(t.Context())
			}
			_ = c.ws.CloseNow()
		}()
		start := time.Now()
		for {
			if _, err := c.read(); err != nil {
				takes(t, start, 10*time.Minute)
				return
			}
		}
	})

	inTime(t, "a peer that vanished is released", func(t *testing.T) {
		f := serveInMemory(t)
		c := f.ready(t)
		sub := f.standing(t, c)
		start := time.Now() // from here on it neither reads nor writes
		sub.ended(t)
		if got := time.Since(start); got > 40*time.Second {
			t.Errorf("its operations ended after %v", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := f.Stats(); got.Sockets != 0 || got.Subscriptions != 0 {
			t.Errorf("there is still something: %+v", got)
		}
	})

	inTime(t, "a query over a socket is given up in time", func(t *testing.T) {
		f := serveInMemory(t)
		start, c := time.Now(), f.ready(t)
		go func() { <-f.schema.waiting }()
		c.send(waitA)
		c.want(`{"type":"ping"}`)
		c.send(`{"type":"pong"}`)
		c.next()
		takes(t, start, 30*time.Second)
		c.want(completeA)
	})
}

func TestSlowClients(t *testing.T) {
	t.Parallel()

	inTime(t, "a full queue is flushed and closes with 1013, and the others go on", func(t *testing.T) {
		f := serveInMemory(t)
		slow, other := f.ready(t), f.ready(t)
		subs := []subscription{f.standing(t, slow), f.standing(t, other)}
		go func() {
			for i := range 100 {
				text := fmt.Sprintf("%04d%s", i, strings.Repeat("x", longResult-4))
				for _, sub := range subs {
					sub.next(text, "")
				}
				time.Sleep(time.Millisecond)
			}
			subs[1].to.Complete()
		}()
		for i := range 100 {
			if got := other.next(); !strings.Contains(got, fmt.Sprintf(`"%04d`, i)) {
				t.Fatalf("got %.80s in the place of %d", got, i)
			}
		}
		other.want(completeA)
		if got := f.Stats().SlowCloses; got != 1 {
			t.Errorf("%d slow closes", got)
		}
		got := slow.closedAfter(1013, "Too slow")
		if len(got) < 256/4 || len(got) > 80 {
			t.Errorf("%d results came before the end", len(got))
		}
		for i, text := range got {
			if !strings.Contains(text, fmt.Sprintf(`"%04d`, i)) {
				t.Fatalf("got %.80s in the place of %d", text, i)
			}
		}
		subs[0].ended(t)
	})

	inTime(t, "a client that wakes up soon learns why it was closed", func(t *testing.T) {
		f := serveInMemory(t)
		c := f.ready(t)
		sub := f.standing(t, c)
		start := time.Now()
		sub.flood(20)
		sub.ended(t)
		takes(t, start, 10*time.Second)
		time.Sleep(20 * time.Second)
		if got := c.closedAfter(1013, "Too slow"); len(got) >= 20 {
			t.Error("what waited was not dropped")
		}
		if got := f.Stats().SlowCloses; got != 1 {
			t.Errorf("%d slow closes", got)
		}
	})

	inTime(t, "what is owed from before does not count", func(t *testing.T) {
		f := serveInMemory(t, func(o *transport.Options) { o.Subscriptions = replay{o.Subscriptions.(subscriptions), 300} })
		c := f.ready(t)
		sub := f.standing(t, c)
		sub.next("live", "")
		for i := range 300 {
			if got := c.next(); !strings.Contains(got, fmt.Sprintf(`"%04d`, i)) {
				t.Fatalf("got %.80s in the place of %d", got, i)
			}
		}
		c.want(nextA("live"))
	})

	inTime(t, "what is owed from before is bounded as well", func(t *testing.T) {
		f := serveInMemory(t, func(o *transport.Options) { o.Subscriptions = replay{o.Subscriptions.(subscriptions), 2000} })
		c := f.ready(t)
		f.standing(t, c)
		got := c.closedAfter(1013, "Too slow")
		if bytes := len(got) * longResult; bytes < 4<<20 || bytes > 5<<20 {
			t.Errorf("%d bytes came before the end", bytes)
		}
	})

	inTime(t, "what may be lost is lost when the client is behind", func(t *testing.T) {
		f := serveInMemory(t)
		c := f.ready(t)
		sub := f.standing(t, c)
		sub.flood(20)
		sub.to.(transport.Offerer).Offer([]byte(`{"data":{"updates":"typing"}}`))
		sub.next("last", "")
		for range 20 {
			c.next()
		}
		c.want(nextA("last"))
	})

	inTime(t, "pongs nobody reads close with 1013", func(t *testing.T) {
		f := serveInMemory(t)
		c := f.ready(t)
		payload := strings.Repeat("x", 60<<10)
		go func() {
			for range 7 {
				// The last ones may find nobody who reads any more, until the socket closes.
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				_ = c.ws.Write(ctx, websocket.MessageText, []byte(`{"type":"ping","payload":{"a":"`+payload+`"}}`))
				cancel()
			}
		}()
		synctest.Wait()
		c.closedAfter(1013, "Too slow")
	})

	inTime(t, "a large result may take its time on a slow line, as long as it moves", func(t *testing.T) {
		f := serveInMemory(t)
		for _, answered := range []func() int{
			func() int {
				c := f.ready(t)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				c.send(strings.Replace(helloA, "hello", "size(bytes: 1000000)", 1))
				_, message, err := c.ws.Reader(ctx)
				if err != nil {
					t.Fatal(err)
				}
				n := trickle(t, message)
				c.want(completeA)
				return n
			},
			func() int { return trickle(t, f.stream(t, `{"query":"{ size(bytes: 1000000) }"}`).response.Body) },
		} {
			start := time.Now()
			if n := answered(); n < 1000000 {
				t.Errorf("only %d bytes came", n)
			}
			if took := time.Since(start); took < 15*time.Second {
				t.Errorf("it took only %v", took)
			}
		}
	})

	inTime(t, "a client that trickles after its end gets ten seconds and no more", func(t *testing.T) {
		f := serveInMemory(t)
		c := f.dial(t)
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada for 5s"}}`)
		c.want(`{"type":"connection_ack"}`)
		sub := f.standing(t, c)
		start := time.Now()
		sub.flood(60)
		got := 0
		for {
			time.Sleep(time.Second)
			text, err := c.read()
			if err != nil {
				c.wantEnd(err, 4403, "Credentials expired")
				break
			}
			if !strings.HasPrefix(text, `{"id":"a","type":"next"`) {
				t.Fatalf("got %.100s", text)
			}
			got++
		}
		if got < 15 || got >= 30 {
			t.Errorf("it got %d results", got)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		sub.ended(t)
	})

	inTime(t, "a response that nobody reads is given up after ten seconds", func(t *testing.T) {
		f := serveInMemory(t)
		conn, err := f.listener.dial()
		if err != nil {
			t.Fatal(err)
		}
		const body = `{"query":"{ size(bytes: 1000000) }"}`
		_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
			t.Errorf("it still writes: %d bytes, %v", len(rest), err)
		}
	})

	inTime(t, "an event stream that nobody reads is cut", func(t *testing.T) {
		f := serveInMemory(t)
		s := f.stream(t, subscribes())
		s.want(":\n\n")
		sub := f.subscriptions.take(t)
		start := time.Now()
		sub.flood(20)
		sub.ended(t)
		takes(t, start, 10*time.Second)
		synctest.Wait()
		if got := f.Stats(); got.SlowCloses != 1 || got.Streams != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// trickle reads to the end, 32 KiB in a second.
func trickle(t *testing.T, r io.Reader) (n int) {
	t.Helper()
	part := make([]byte, 32<<10)
	for {
		time.Sleep(time.Second)
		read, err := io.ReadFull(r, part)
		n += read
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
