package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

// ballast is how many subscriptions besides a client that stops reading has, and ballastQuery what each asks for:
// what it does not read grows fast enough to be noticed.
const ballast = 50

var ballastQuery = `subscription ($id: ID!) { conversationUpdates(conversationId: $id) {
	... on MessageSent { message { body` + aliases(20) + ` } }
} }`

func aliases(count int) (fields string) {
	for i := range count {
		fields += fmt.Sprintf(" b%d: body", i)
	}
	return fields
}

// stopReading opens a socket, reads nothing for a while, and reads on then. However that ends, it becomes a
// client like the others.
func (c *client) stopReading(ctx context.Context, pause time.Duration) {
	c.crowd.stopped.Add(1)
	if err := c.neglect(ctx, pause); err != nil && ctx.Err() == nil {
		c.crowd.note(err)
		c.crowd.closed.Add(1)
	}
	c.live(ctx)
}

func (c *client) neglect(ctx context.Context, pause time.Duration) error {
	n, err := c.crowd.fleet.Any(c.random.IntN)
	if err != nil {
		return nil // there is nobody to neglect
	}
	s, err := rehearsal.DialNarrow(ctx, n, c.who.token)
	if err != nil {
		return nil
	}
	defer s.Cut()
	query, variables := c.follow[0].wants()
	if err := s.Subscribe(ctx, "0", query, variables); err != nil {
		return nil
	}
	delete(variables, "after")
	for i := range ballast {
		if err := s.Subscribe(ctx, strconv.Itoa(i+1), ballastQuery, variables); err != nil {
			return err
		}
	}
	if err := rehearsal.Wait(ctx, pause); err != nil {
		return err
	}
	enough, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	for {
		f, err := s.Next(enough)
		if enough.Err() != nil {
			return nil // the node has kept the socket
		}
		if err != nil {
			return err
		}
		if f.Type == "next" && f.ID == "0" {
			if err := c.follow[0].take(f.Payload, time.Time{}); err != nil {
				return err
			}
		}
	}
}
