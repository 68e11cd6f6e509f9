package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// audienceMode is the argument by which this program becomes an audience.
const audienceMode = "audience"

// listen is the life of an audience: it watches as the first order says, and answers the later ones, until
// there are none any more.
func listen(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	var first order
	if err := from.Decode(&first); err != nil {
		return fmt.Errorf("read what to watch: %w", err)
	}
	e := &ears{sockets: make([]ear, first.Sockets), standing: make(chan struct{})}
	if err := e.open(ctx, first); err != nil {
		return to.Encode(report{Failed: err.Error()})
	}
	select {
	case <-e.standing:
	case err := <-e.failed:
		return to.Encode(report{Failed: err.Error()})
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := to.Encode(report{}); err != nil {
		return err
	}
	for {
		var next order
		err := from.Decode(&next)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		r := e.report(next)
		select {
		case err := <-e.failed:
			r.Failed = err.Error()
		default:
		}
		if err := to.Encode(r); err != nil {
			return err
		}
	}
}

// ears are all sockets of an audience.
type ears struct {
	sockets  []ear
	heard    atomic.Int64  // sockets that have heard something
	standing chan struct{} // closed when all have
	failed   chan error
}

// An ear is what one socket has heard of the latest round.
type ear struct {
	mu        sync.Mutex
	seq       int64
	round     int
	astray    int
	latencies []time.Duration
}

func (e *ears) open(ctx context.Context, o order) error {
	e.failed = make(chan error, len(e.sockets))
	var dialing errgroup.Group
	dialing.SetLimit(16)
	for i := range e.sockets {
		dialing.Go(func() error {
			s, err := watch(ctx, o.Endpoint, o.Tokens[i%len(o.Tokens)], o.Conversation)
			if err != nil {
				return err
			}
			go func() {
				defer s.close()
				e.failed <- e.hear(ctx, s, &e.sockets[i])
			}()
			return nil
		})
	}
	return dialing.Wait()
}

func (e *ears) hear(ctx context.Context, s *socket, at *ear) error {
	for {
		text, err := s.next(ctx)
		if err != nil {
			return err
		}
		m, ok := readMark(text)
		if !ok {
			continue
		}
		if at.note(m, time.Now()) && e.heard.Add(1) == int64(len(e.sockets)) {
			close(e.standing)
		}
	}
}

// note notes a message; it answers whether it was the socket's first.
func (a *ear) note(m mark, now time.Time) (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.round != a.round {
		a.round, a.astray, a.latencies = m.round, 0, a.latencies[:0]
	}
	if m.seq <= a.seq {
		a.astray++
	}
	first, a.seq = a.seq == 0, m.seq
	a.latencies = append(a.latencies, now.Sub(m.sent))
	return first
}

func (e *ears) report(o order) report {
	var r report
	var all []time.Duration
	for i := range e.sockets {
		a := &e.sockets[i]
		a.mu.Lock()
		if a.round == o.Round {
			r.Deliveries += len(a.latencies)
			r.Astray += a.astray
		}
		a.mu.Unlock()
	}
	if r.Deliveries < o.Deliveries {
		return r
	}
	for i := range e.sockets {
		all = append(all, e.sockets[i].latencies...) // the round is over: nobody writes there any more
	}
	r.P99 = milliseconds(percentile(all, 0.99))
	return r
}
