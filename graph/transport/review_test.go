package transport_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"
)

// others stand for an hour, all but ada's.
func others(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]time.Time, error) {
	until := map[uuid.UUID]time.Time{}
	for _, id := range ids {
		if id != ada.Session() {
			until[id] = time.Now().Add(time.Hour)
		}
	}
	return until, nil
}

func TestReview(t *testing.T) {
	t.Parallel()

	t.Run("the sockets of a session that ended close with 4403, and no others", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		revoked, again, other, nobody := f.dial(t), f.dial(t), f.dial(t), f.ready(t)
		for who, c := range map[string]*client{"ada": revoked, "ada again": again, "bob": other} {
			c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ` + who + `"}}`)
			c.want(`{"type":"connection_ack"}`)
		}
		if err := f.Review(t.Context(), others); err != nil {
			t.Fatal(err)
		}
		revoked.wantClose(4403, "Session ended")
		for _, c := range []*client{again, other, nobody} {
			c.send(`{"type":"ping"}`)
			c.want(`{"type":"pong"}`)
		}
	})

	t.Run("without open connections nobody is asked", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		f.ready(t) // nobody's
		err := f.Review(t.Context(), func(context.Context, []uuid.UUID) (map[uuid.UUID]time.Time, error) {
			return nil, errors.New("asked")
		})
		if err != nil {
			t.Fatal(err)
		}
	})

	inTime(t, "a session that was refreshed lives on, wherever that was", func(t *testing.T) {
		f := serveInMemory(t)
		start := time.Now()
		socket, bobs := f.dial(t), f.ready(t, "Cookie", "who=bob", "Cookie", "life=10m")
		socket.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada again for 10m"}}`)
		socket.want(`{"type":"connection_ack"}`)
		stream := f.stream(t, subscribes(), "Cookie", "who=ada again", "Cookie", "life=10m")
		f.subscriptions.take(t)
		ends, streamEnds := make(chan time.Duration, 2), make(chan time.Duration, 1)
		go func() {
			_, _ = io.Copy(io.Discard, stream.reader)
			streamEnds <- time.Since(start)
		}()
		for _, c := range []*client{socket, bobs} {
			go func() {
				c.answerUntil(4403, "Credentials expired")
				ends <- time.Since(start)
			}()
		}
		refreshed := func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]time.Time, error) {
			until := map[uuid.UUID]time.Time{}
			for _, id := range ids {
				until[id] = start.Add(10 * time.Minute)
				if id == adaAgain.Session() {
					until[id] = start.Add(time.Hour)
				}
			}
			return until, ctx.Err()
		}
		go func() {
			for range 100 { // asking again and again changes nothing
				<-time.After(time.Second)
				if err := f.Review(t.Context(), refreshed); err != nil {
					t.Error(err)
				}
			}
		}()
		if got := <-ends; got < 8*time.Minute || got > 12*time.Minute {
			t.Errorf("who was not refreshed ended after %v", got)
		}
		if got := <-ends; got < 48*time.Minute || got > 72*time.Minute {
			t.Errorf("who was ended after %v", got)
		}
		if got := <-streamEnds; got < 48*time.Minute || got > 72*time.Minute {
			t.Errorf("the stream ended after %v", got)
		}
	})

	inTime(t, "those who came together do not end together", func(t *testing.T) {
		f := serveInMemory(t)
		start, ends := time.Now(), make(chan time.Duration, 20)
		for range cap(ends) {
			c := f.ready(t, "Cookie", "who=bob", "Cookie", "life=1000s")
			go func() {
				c.answerUntil(4403, "Credentials expired")
				ends <- time.Since(start)
			}()
		}
		go func() {
			for range 80 { // that nothing has changed spreads them no less
				<-time.After(10 * time.Second)
				err := f.Review(t.Context(), func(ctx context.Context, _ []uuid.UUID) (map[uuid.UUID]time.Time, error) {
					return map[uuid.UUID]time.Time{bob.Session(): start.Add(1000 * time.Second)}, ctx.Err()
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
		first := <-ends
		last := first
		for range cap(ends) - 1 {
			last = <-ends
		}
		if first < 800*time.Second || last > 1200*time.Second || last-first < 100*time.Second {
			t.Errorf("they ended from %v to %v", first, last)
		}
	})
}
