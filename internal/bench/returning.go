package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// returningMode is the argument by which this program becomes clients that come back.
const returningMode = "returning"

// A comeback is what returning clients are asked for.
type comeback struct {
	Endpoint     string
	Tokens       []string // of each a socket
	Conversation string
	After        string
	Behind       int
}

// A returned is how it went, from the first dialling to the last having all it missed.
type returned struct {
	Seconds float64
	// Again counts clients that were sent away and came once more.
	Again int64
}

// mostTries is how often a client comes before it is given up.
const mostTries = 5

// mostDialling is how many clients dial at once: the system's queue of connections that nobody has taken yet is not
// endless, and who does not fit into it tries again a second later.
const mostDialling = 1000

// returnTo has a crowd come back to a GraphQL endpoint, from a process of its own.
func returnTo(ctx context.Context, endpoint string, c *returning) (returned, error) {
	clients, err := spawn(ctx, returningMode)
	if err != nil {
		return returned{}, err
	}
	defer func() { _ = clients.leave() }() // what counts is what they have answered
	return ask[returned](clients, comeback{endpoint, c.tokens, string(c.conversation), c.after, resumeBehind})
}

// comeBack is the life of returning clients. They stay until each has what it missed.
func comeBack(ctx context.Context, in io.Reader, out io.Writer) error {
	return obey(in, out, func(o comeback) (returned, error) {
		began := time.Now()
		var again atomic.Int64
		clients, ctx := errgroup.WithContext(ctx)
		dialling := make(chan struct{}, mostDialling)
		wires := make([]*wire, len(o.Tokens))
		for i := range wires {
			clients.Go(func() (err error) {
				for range mostTries {
					if wires[i], err = o.try(ctx, o.Tokens[i], dialling); !errors.As(err, &hangup{}) {
						return err
					}
					again.Add(1)
					// As clients do, lest they all come at once again.
					if err := wait(ctx, time.Duration(rand.Int64N(int64(time.Second)))); err != nil {
						return err
					}
				}
				return err
			})
		}
		err := clients.Wait()
		r := returned{time.Since(began).Seconds(), again.Load()}
		for _, w := range wires {
			if w != nil {
				w.close()
			}
		}
		return r, err
	})
}

// try comes back and reads what was missed. The wire stays open.
func (o comeback) try(ctx context.Context, token string, dialling chan struct{}) (*wire, error) {
	dialling <- struct{}{}
	w, err := dial(ctx, o.Endpoint, token, watchQuery, map[string]any{"id": o.Conversation, "after": o.After})
	<-dialling
	if err != nil {
		return nil, err
	}
	return w, w.catchUp(o.Behind)
}

// catchUp reads until what was missed has come, in order.
func (w *wire) catchUp(behind int) error {
	if err := w.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	last := int64(0)
	for come := 0; come < behind; {
		text, err := w.next()
		if err != nil {
			return fmt.Errorf("wait for what was missed (%d of %d came): %w", come, behind, err)
		}
		m, ok := readMark(text)
		switch {
		case !ok:
			return hangup{reason: string(text)} // as good as one
		case last != 0 && m.seq != last+1:
			return fmt.Errorf("after number %d came %d", last, m.seq)
		}
		last = m.seq
		come++
	}
	return nil
}
