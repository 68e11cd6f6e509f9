package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// audienceMode is the argument by which this program becomes an audience.
const audienceMode = "audience"

// listen is the life of an audience: it watches as it is told to first, and then reports on rounds.
func listen(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e := &ears{}
	return obey(in, out, func(o order) (report, error) {
		if o.Watch != nil {
			if err := e.open(ctx, *o.Watch); err != nil {
				return report{}, err
			}
		}
		return e.report(o)
	})
}

// ears are all sockets of an audience.
type ears struct {
	seats    []ear
	standing atomic.Int64 // sockets that have heard something
	failed   chan error
}

// An ear is a socket, and what it has heard of the latest round.
type ear struct {
	mu        sync.Mutex
	seq       int64  // of the last update; 0 if that is not known
	cursor    []byte // behind it
	hasHeard  bool
	round     int
	latencies []time.Duration
	tally
}

// A tally counts what is not as it should be, in all rounds, and what makes up for it.
type tally struct {
	// Lost counts numbers that were left out without a word, Twice those that came again or out of order.
	Lost, Twice int
	// Resumed counts sockets that were closed for being slow and came back by their cursor, Resyncs how often one
	// was told to fetch anew, and Ended subscriptions that the node ended.
	Resumed, Resyncs, Ended int
}

func (t tally) plus(u tally) tally {
	return tally{t.Lost + u.Lost, t.Twice + u.Twice, t.Resumed + u.Resumed, t.Resyncs + u.Resyncs, t.Ended + u.Ended}
}

// atOnce is how many sockets are opened at the same time.
const atOnce = 16

func (e *ears) open(ctx context.Context, to watching) error {
	e.seats, e.failed = make([]ear, len(to.Seats)), make(chan error, len(to.Seats))
	var dialing errgroup.Group
	dialing.SetLimit(atOnce)
	for i, seat := range to.Seats {
		again := func(after []byte) (*wire, error) {
			variables := map[string]any{"id": to.Conversations[seat.Conversation]}
			if len(after) > 0 {
				variables["after"] = string(after)
			}
			return dial(ctx, to.Endpoint, to.Tokens[seat.Person], watchQuery, variables)
		}
		dialing.Go(func() error {
			w, err := again(nil)
			if err != nil {
				return err
			}
			go func() {
				if err := e.attend(ctx, &e.seats[i], w, again); err != nil && ctx.Err() == nil {
					e.failed <- err
				}
			}()
			return nil
		})
	}
	return dialing.Wait()
}

// slowClient is the code by which a socket that did not keep up is closed: try again later.
const slowClient = 1013

// attend hears a socket, and opens it again behind its cursor when it was closed for being slow.
func (e *ears) attend(ctx context.Context, at *ear, w *wire, again func(after []byte) (*wire, error)) error {
	for {
		stop := context.AfterFunc(ctx, w.close)
		err := e.hear(at, w)
		stop()
		w.close()
		var closed hangup
		if !errors.As(err, &closed) || closed.code != slowClient {
			return err
		}
		at.mu.Lock()
		at.Resumed++
		at.mu.Unlock()
		// Clients that were closed together do not come back together.
		if err := wait(ctx, time.Duration(rand.Int64N(int64(200*time.Millisecond)))); err != nil {
			return err
		}
		if w, err = again(at.cursor); err != nil {
			return err
		}
	}
}

var (
	kindComplete = []byte(`"type":"complete"`)
	kindResync   = []byte(`"ResyncRequired"`)
)

// hear notes what comes until the node ends the subscription or the socket.
func (e *ears) hear(at *ear, w *wire) error {
	for {
		text, err := w.next()
		if err != nil {
			return err
		}
		if m, ok := readMark(text); ok {
			if at.note(m, readCursor(text), time.Now()) {
				e.standing.Add(1)
			}
			continue
		}
		switch {
		case bytes.Contains(text, kindError):
			return fmt.Errorf("the subscription was refused: %.300s", text)
		case bytes.Contains(text, kindComplete):
			at.mu.Lock()
			at.Ended++
			at.mu.Unlock()
			return nil
		case bytes.Contains(text, kindResync):
			at.mu.Lock()
			at.Resyncs++
			at.seq = 0 // what lies between was announced as missing
			at.mu.Unlock()
		}
	}
}

// note notes a message; it answers whether it was the socket's first.
func (a *ear) note(m mark, cursor []byte, now time.Time) (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.round > a.round {
		a.round, a.latencies = m.round, a.latencies[:0]
	}
	switch {
	case a.seq == 0:
	case m.seq <= a.seq:
		a.Twice++
		return false
	default:
		a.Lost += int(m.seq - a.seq - 1) // nothing but messages takes numbers in these conversations
	}
	first, a.hasHeard = !a.hasHeard, true
	a.seq, a.cursor = m.seq, append(a.cursor[:0], cursor...)
	if m.round == a.round {
		a.latencies = append(a.latencies, now.Sub(m.sent))
	}
	return first
}

// report is what all have heard of a round so far, with how long it took once it is as much as was asked for.
func (e *ears) report(o order) (report, error) {
	select {
	case err := <-e.failed:
		return report{}, err
	default:
	}
	r := report{Standing: int(e.standing.Load())}
	for i := range e.seats {
		a := &e.seats[i]
		a.mu.Lock()
		if a.round == o.Round {
			r.Deliveries += len(a.latencies)
		}
		r.tally = r.plus(a.tally)
		a.mu.Unlock()
	}
	if r.Deliveries < o.Deliveries || r.Deliveries == 0 {
		return r, nil
	}
	all := make([]time.Duration, 0, r.Deliveries)
	for i := range e.seats {
		a := &e.seats[i]
		a.mu.Lock()
		if a.round == o.Round {
			all = append(all, a.latencies...)
		}
		a.mu.Unlock()
	}
	r.P50, r.P99 = milliseconds(percentile(all, 0.5)), milliseconds(percentile(all, 0.99))
	return r, nil
}
