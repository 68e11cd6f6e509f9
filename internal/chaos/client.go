package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

// A subscription is something that a client follows, over as many connections as it takes.
type subscription interface {
	// wants is the operation to subscribe with now.
	wants() (query string, variables map[string]any)
	// take takes an update; if it can not, the connection is given up.
	take(data json.RawMessage, since time.Time) error
}

// A crowd is what all clients have in common.
type crowd struct {
	fleet *rehearsal.Fleet
	// stay is about how long a client keeps a connection.
	stay time.Duration
	// isCalm says that nobody cuts connections any more.
	isCalm atomic.Bool

	reconnects atomic.Int64
	// closed are connections of clients that had stopped reading, stopped all of those that did.
	closed, stopped atomic.Int64

	mu sync.Mutex
	// unread are the updates that a client could not take.
	unread []error
}

// A client is a connection's life: it is cut at random moments, and comes back to a random node.
type client struct {
	crowd  *crowd
	who    *person
	follow []subscription
	isSSE  bool
	random *rand.Rand
}

// live connects again and again until the context ends.
func (c *client) live(ctx context.Context) {
	for ctx.Err() == nil {
		// The connection is gone, for whatever reason: that is what this is about.
		c.crowd.note(c.once(ctx))
		c.crowd.reconnects.Add(1)
		_ = rehearsal.Wait(ctx, time.Duration(20+c.random.IntN(200))*time.Millisecond)
	}
}

// unreadable is an update that a client can make nothing of.
type unreadable struct{ data json.RawMessage }

func (e *unreadable) Error() string { return fmt.Sprintf("an update can not be read: %.300s", e.data) }

// note notes what no client should ever be given.
func (c *crowd) note(err error) {
	if errors.As(err, new(*unreadable)) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unread = append(c.unread, err)
	}
}

// once connects, and takes what comes until the connection ends or is cut.
func (c *client) once(ctx context.Context) error {
	if !c.crowd.isCalm.Load() {
		var cancel context.CancelFunc
		stay := time.Duration((0.2 + 1.6*c.random.Float64()) * float64(c.crowd.stay))
		ctx, cancel = context.WithTimeout(ctx, stay)
		defer cancel()
	}
	n, err := c.crowd.fleet.Any(c.random.IntN)
	if err != nil {
		return err
	}
	if c.isSSE {
		return c.listen(ctx, n)
	}
	s, err := rehearsal.Dial(ctx, n, c.who.token)
	if err != nil {
		return err
	}
	defer s.Cut()
	return c.converse(ctx, s)
}

// converse follows everything over one socket.
func (c *client) converse(ctx context.Context, s *rehearsal.Socket) error {
	since := time.Now()
	for i, sub := range c.follow {
		query, variables := sub.wants()
		if err := s.Subscribe(ctx, strconv.Itoa(i), query, variables); err != nil {
			return err
		}
	}
	for {
		f, err := s.Next(ctx)
		if err != nil {
			return err
		}
		i, err := strconv.Atoi(f.ID)
		if err != nil || f.Type != "next" || i >= len(c.follow) {
			continue
		}
		if err := c.follow[i].take(f.Payload, since); err != nil {
			return err
		}
	}
}

// listen follows the one thing that an event stream carries.
func (c *client) listen(ctx context.Context, n *rehearsal.Node) error {
	since := time.Now()
	query, variables := c.follow[0].wants()
	last, _ := variables["after"].(string)
	delete(variables, "after")
	s, err := rehearsal.Listen(ctx, n, c.who.token, query, variables, last)
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		data, err := s.Next()
		if err != nil {
			return err
		}
		if err := c.follow[0].take(data, since); err != nil {
			return err
		}
	}
}
