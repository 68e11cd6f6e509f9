package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/messaging"
)

const (
	liveRate     = 300 // messages a second
	liveWatchers = 30  // each on a conversation of its own
)

// measureLive sends on one node and watches on another, which knows of the first one's messages by Redis
// alone. Both are in this process, so one clock tells both ends.
func measureLive(ctx context.Context, b *bench) (rows []row, err error) {
	t := &timings{}
	here, there, err := b.house.openTwo(ctx, t.committed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, there.close(), here.close()) }()
	people, err := b.house.people(ctx, here, neighbours)
	if err != nil {
		return nil, err
	}
	all, err := pairs(ctx, here, people, 1)
	if err != nil {
		return nil, err
	}
	all = all[:liveWatchers]
	leave, err := watchAll(ctx, t, here, all, func(ctx context.Context, p pair) (*socket, error) {
		return watch(ctx, there.endpoint(), p.between[1].token, string(p.conversation))
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, leave()) }()
	what := fmt.Sprintf("commit to a socket on another node, %d messages/s", liveRate)
	p50 := row{what: what + ": p50", unit: "ms", goal: below(5, "ms")}
	p99 := row{what: what + ": p99", unit: "ms", goal: below(50, "ms")}
	for round := range rounds {
		b.say("live: round %d of %d", round+1, rounds)
		count := int(liveRate * b.during(6*time.Second).Seconds())
		t.begin(round+1, count)
		began := time.Now()
		if err := sendSteadily(ctx, here, all, round+1, count, liveRate); err != nil {
			return rows, err
		}
		rate := float64(count) / time.Since(began).Seconds()
		latencies, err := t.end(ctx)
		if err != nil {
			return rows, err
		}
		p50.values = append(p50.values, milliseconds(percentile(latencies, 0.50)))
		p99.values = append(p99.values, milliseconds(percentile(latencies, 0.99)))
		p99.beside = fmt.Sprintf("%d of %d arrived, %s/s", len(latencies), count, figure(rate))
	}
	return append(rows, p50, p99), nil
}

// sendSteadily sends so many messages a second however long each takes, to one conversation after the other.
func sendSteadily(ctx context.Context, n *node, to []pair, round, count, perSecond int) error {
	work, sending := errgroup.WithContext(ctx)
	began := time.Now()
	for i := range count {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		if wait(sending, time.Until(due)) != nil {
			break
		}
		p := &to[i%len(to)]
		work.Go(func() error {
			_, err := n.messaging.Send(p.between[0].as(sending), messaging.SendMessageInput{
				ConversationID: &p.conversation, Body: mark{round: round, number: i, sent: time.Now()}.body(),
			})
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return fmt.Errorf("send a message: %w", err)
	}
	return ctx.Err()
}

// watchAll watches each conversation from the other side of it. It returns when all subscriptions have shown
// that they stand; the sockets are closed by leave.
func watchAll(
	ctx context.Context, t *timings, here *node, all []pair, open func(context.Context, pair) (*socket, error),
) (leave func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var readers errgroup.Group
	leave = func() error {
		cancel()
		return readers.Wait()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, leave())
		}
	}()
	stands := make(chan struct{}, len(all))
	for _, p := range all {
		s, err := open(ctx, p)
		if err != nil {
			return leave, err
		}
		readers.Go(func() error {
			defer s.close()
			var once sync.Once
			for {
				text, err := s.next(ctx)
				if ctx.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				at := time.Now()
				if m, ok := readMark(text); ok {
					once.Do(func() { stands <- struct{}{} })
					t.arrived(m, at)
				}
			}
		})
	}
	return leave, probe(ctx, stands, len(all), func() error { return sendSteadily(ctx, here, all, 0, len(all), 1000) })
}

// probe sends messages that nobody measures until so many subscriptions have shown that they stand: the
// protocol has no word for it.
func probe(ctx context.Context, stands <-chan struct{}, count int, send func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for standing := 0; standing < count; {
		select {
		case <-stands:
			standing++
		case <-again.C:
			if err := send(); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("wait for subscriptions to stand (%d of %d do): %w", standing, count, ctx.Err())
		}
	}
	return nil
}

// timings notes when each message of a round was committed and when it arrived.
type timings struct {
	mu                sync.Mutex
	round             int
	commits, arrivals []time.Time
	left              int
	done              chan struct{}
}

func (t *timings) begin(round, count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.round, t.left, t.done = round, count, make(chan struct{})
	t.commits, t.arrivals = make([]time.Time, count), make([]time.Time, count)
}

// committed is called by the node that wrote a message, after the commit.
func (t *timings) committed(m *ent.Message) {
	at := time.Now()
	if m, ok := readMark([]byte(`"` + *m.Body)); ok {
		t.note(m, func() { t.commits[m.number] = at })
	}
}

func (t *timings) arrived(m mark, at time.Time) {
	t.note(m, func() {
		if !t.arrivals[m.number].IsZero() {
			return
		}
		t.arrivals[m.number] = at
		if t.left--; t.left == 0 {
			close(t.done)
		}
	})
}

func (t *timings) note(m mark, what func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.round == t.round && m.number < len(t.commits) {
		what()
	}
}

// end waits for what is still on its way and answers how long each took.
func (t *timings) end(ctx context.Context) ([]time.Duration, error) {
	t.mu.Lock()
	done := t.done
	t.mu.Unlock()
	select {
	case <-done:
	case <-time.After(10 * time.Second): // longer than the sweep takes to find what got lost
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.round = -1
	latencies := make([]time.Duration, 0, len(t.commits))
	for i, arrival := range t.arrivals {
		if !arrival.IsZero() && !t.commits[i].IsZero() {
			// A message may arrive before its writer has been told of it.
			latencies = append(latencies, max(0, arrival.Sub(t.commits[i])))
		}
	}
	if len(latencies) < len(t.commits) {
		return latencies, fmt.Errorf("%d of %d messages did not arrive", len(t.commits)-len(latencies), len(t.commits))
	}
	return latencies, nil
}
