package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/messaging"
)

// Of the sockets on one conversation some never read. What the two systems keep for one that does not is
// megabytes on one machine: messages are long, so that it does not take minutes to fill that.
const (
	stallSockets   = 200
	stallDeaf      = 50
	stallPerSecond = 100
	stallPadding   = 3700
)

// measureStall has a quarter of the sockets on a conversation read nothing, and measures how the others do, and
// what becomes of the first.
func measureStall(ctx context.Context, b *bench) (rows []row, err error) {
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	people, err := b.house.people(ctx, n, neighbours)
	if err != nil {
		return nil, err
	}
	members := make([]uuid.UUID, len(people))
	for i, p := range people {
		members[i] = p.id
	}
	room, err := n.messaging.Open(ctx, "Some do not read", members...)
	if err != nil {
		return nil, err
	}
	s := &stall{n: n, people: people, room: relay.NewID(ent.ConversationPrefix, room.ID)}
	late := row{what: fmt.Sprintf("%d of %d sockets never read: send to arrival at the others, p99", stallDeaf, stallSockets), unit: "ms", goal: below(100, "ms")}
	closed := row{what: "of them closed with 1013", unit: "", goal: goal{fmt.Sprint(stallDeaf), func(v float64) bool { return v == stallDeaf }}}
	after := row{what: "goroutines more than before, when all have left", unit: "", goal: goal{"≤ 5", func(v float64) bool { return v <= 5 }}}
	for round := range rounds {
		b.say("stall: round %d of %d", round+1, rounds)
		before := runtime.NumGoroutine()
		latencies, shut, err := s.round(ctx, round+1, b.during(12*time.Second))
		if err != nil {
			return rows, err
		}
		late.values = append(late.values, milliseconds(percentile(latencies, 0.99)))
		late.beside = fmt.Sprintf("%s deliveries, p50 %s ms", figure(float64(len(latencies))), figure(milliseconds(percentile(latencies, 0.50))))
		closed.values = append(closed.values, float64(shut))
		left := 0
		for range 100 { // connections take a moment to end
			if left = runtime.NumGoroutine() - before; left <= 5 {
				break
			}
			if err := wait(ctx, 50*time.Millisecond); err != nil {
				return rows, err
			}
		}
		after.values = append(after.values, float64(max(0, left)))
	}
	return append(rows, late, closed, after), nil
}

// A stall is a conversation of people of whom some do not read.
type stall struct {
	n      *node
	people []person
	room   relay.ID
}

// round measures once: how long deliveries to those who read took, and how many of the others were closed.
func (s *stall) round(ctx context.Context, round int, during time.Duration) (latencies []time.Duration, closed int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var readers errgroup.Group
	defer func() {
		cancel()
		err = errors.Join(err, readers.Wait())
		http.DefaultClient.CloseIdleConnections()
	}()
	stands := make(chan struct{}, stallSockets)
	var mu sync.Mutex
	for i := range stallSockets - stallDeaf {
		w, err := watch(ctx, s.n.endpoint(), s.people[1+i%(len(s.people)-1)].token, string(s.room))
		if err != nil {
			return nil, 0, err
		}
		readers.Go(func() error {
			defer w.close()
			var once sync.Once
			for {
				text, err := w.next(ctx)
				if ctx.Err() != nil {
					return nil
				}
				if err != nil {
					return fmt.Errorf("somebody who reads lost the socket: %w", err)
				}
				at := time.Now()
				m, ok := readMark(text)
				if !ok {
					continue
				}
				once.Do(func() { stands <- struct{}{} })
				if m.round == round {
					mu.Lock()
					latencies = append(latencies, at.Sub(m.sent))
					mu.Unlock()
				}
			}
		})
	}
	deaf := make([]*socket, stallDeaf)
	for i := range deaf {
		if deaf[i], err = watch(ctx, s.n.endpoint(), s.people[1+i%(len(s.people)-1)].token, string(s.room)); err != nil {
			return nil, 0, err
		}
		defer deaf[i].close()
	}
	if err := s.untilAllStand(ctx, stands); err != nil {
		return nil, 0, err
	}
	slow := s.n.graph.Stats().SlowCloses
	if err := s.speak(ctx, round, int(during.Seconds()*stallPerSecond)); err != nil {
		return nil, 0, err
	}
	// Who is closed has ten seconds to read, and thirty more to learn why.
	for range 200 {
		if closed = int(s.n.graph.Stats().SlowCloses - slow); closed >= stallDeaf {
			break
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return nil, closed, err
		}
	}
	codes := make(chan websocket.StatusCode, stallDeaf)
	for _, d := range deaf {
		go func() { codes <- d.code(ctx) }()
	}
	seen := 0
	for range deaf {
		if <-codes == websocket.StatusTryAgainLater {
			seen++
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return latencies, min(closed, seen), nil
}

// untilAllStand sends until all who read have heard something.
func (s *stall) untilAllStand(ctx context.Context, stands <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for standing := 0; standing < stallSockets-stallDeaf; {
		select {
		case <-stands:
			standing++
		case <-again.C:
			if err := s.speak(ctx, -1, 1); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("wait for subscriptions to stand (%d do): %w", standing, ctx.Err())
		}
	}
	return nil
}

// speak sends so many long messages, each when it is due.
func (s *stall) speak(ctx context.Context, round, count int) error {
	began := time.Now()
	padding := strings.Repeat("x", stallPadding)
	for i := range count {
		if err := wait(ctx, time.Until(began.Add(time.Duration(i)*time.Second/stallPerSecond))); err != nil {
			return err
		}
		_, err := s.n.messaging.Send(s.people[0].as(ctx), messaging.SendMessageInput{
			ConversationID: &s.room, Body: mark{round: round, number: i, sent: time.Now()}.body() + padding,
		})
		if err != nil {
			return fmt.Errorf("send a message: %w", err)
		}
	}
	return nil
}

// code reads what is there, to the end, and answers the code that it ends with.
func (s *socket) code(ctx context.Context) websocket.StatusCode {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s.ws.SetReadLimit(1 << 20)
	for {
		if _, _, err := s.ws.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}
