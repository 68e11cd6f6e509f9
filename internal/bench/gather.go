package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// An audience is another process of this program, whose sockets watch conversations.
type audience struct{ *child }

// An order is what an audience is asked for: first to watch, later to report on a round.
type order struct {
	Watch *watching
	// Round is what to report on, and Deliveries how many make it whole.
	Round, Deliveries int
}

// watching says who watches what, where.
type watching struct {
	Endpoint              string
	Tokens, Conversations []string
	Seats                 []seat
}

// A seat is one socket's: whose, and on which conversation, by their numbers.
type seat struct{ Person, Conversation int }

// A report is what an audience has heard of a round so far.
type report struct {
	tally
	// Standing counts the sockets whose subscription has shown that it stands.
	Standing int
	// Deliveries counts the round's messages at all sockets.
	Deliveries int
	// P50 and P99 are how long they took from sending, in milliseconds; only if there were as many as asked for.
	P50, P99 float64
}

// gather starts an audience and has it watch. Its sockets are open then, and it is for [audience.stand] to make
// sure of their subscriptions.
func gather(ctx context.Context, to watching) (a *audience, err error) {
	c, err := spawn(ctx, audienceMode)
	if err != nil {
		return nil, err
	}
	a = &audience{c}
	if _, err := ask[report](a.child, order{Watch: &to}); err != nil {
		return nil, errors.Join(err, a.leave())
	}
	return a, nil
}

// stand sends messages that nobody measures until every subscription has shown that it stands: the protocol has no
// word for it.
func (a *audience) stand(ctx context.Context, sockets int, send func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if err := send(); err != nil {
			return err
		}
		for range 20 {
			r, err := ask[report](a.child, order{Round: -1})
			if err != nil || r.Standing == sockets {
				return err
			}
			if err := wait(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("wait for subscriptions to stand (%d of %d do): %w", r.Standing, sockets, err)
			}
		}
	}
}

// hear waits until the audience has heard so many deliveries of a round, or until the time is up. It answers what
// it has heard by then.
func (a *audience) hear(ctx context.Context, round, deliveries int, within time.Duration) (report, error) {
	for until := time.Now().Add(within); ; {
		r, err := ask[report](a.child, order{Round: round, Deliveries: deliveries})
		if err != nil || r.Deliveries >= deliveries {
			return r, err
		}
		if time.Now().After(until) {
			return ask[report](a.child, order{Round: round})
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return r, err
		}
	}
}
