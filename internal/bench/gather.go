package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/convenehq/convene/graph/relay"
)

// An audience is another process of this program, whose sockets watch a conversation. It is asked in JSON
// over its standard input and answers over its standard output.
type audience struct {
	to      *json.Encoder
	reports <-chan report
	// stands is told when every socket has heard something, and closed if the audience gives up.
	stands <-chan struct{}
	hangUp func() error
	// failed is why the audience gave up, if it did; to be read after reports is closed.
	failed error
}

// An order is what an audience is asked for: first to watch, then to report on a round.
type order struct {
	Endpoint     string
	Tokens       []string
	Conversation string
	Sockets      int
	// Round is what to report on, and Deliveries how many make it whole.
	Round, Deliveries int
}

// A report is what an audience has heard of a round so far.
type report struct {
	Deliveries int
	// Astray counts what came twice or out of order.
	Astray int
	// P99 is how long deliveries took from sending, in milliseconds; only of a whole round.
	P99 float64
	// Failed is why the audience gives up.
	Failed string
}

// gather starts an audience and has it watch. It has no sockets that stand before stands says so.
func gather(ctx context.Context, n *node, people []person, conversation relay.ID, sockets int) (*audience, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, audienceMode)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the audience: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the audience: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the audience: %w", err)
	}
	reports, stands := make(chan report), make(chan struct{}, 1)
	a := &audience{to: json.NewEncoder(in), reports: reports, stands: stands}
	quit := make(chan struct{})
	go func() {
		defer close(stands)
		defer close(reports)
		from := json.NewDecoder(out)
		for first := true; ; first = false {
			var r report
			if err := from.Decode(&r); err != nil {
				a.failed = errors.New("the audience has left")
				return
			}
			if r.Failed != "" {
				a.failed = errors.New(r.Failed)
				return
			}
			if first {
				stands <- struct{}{}
				continue
			}
			select {
			case reports <- r:
			case <-quit:
				return
			}
		}
	}()
	a.hangUp = func() error {
		close(quit)
		_ = in.Close() // by which it knows that it is over
		return cmd.Wait()
	}
	tokens := make([]string, len(people))
	for i, p := range people {
		tokens[i] = p.token
	}
	err = a.to.Encode(order{Endpoint: n.endpoint(), Tokens: tokens, Conversation: string(conversation), Sockets: sockets})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tell the audience what to watch: %w", err), a.leave())
	}
	return a, nil
}

// hear waits until the audience has heard so many deliveries of a round.
func (a *audience) hear(ctx context.Context, round, deliveries int) (report, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if err := a.to.Encode(order{Round: round, Deliveries: deliveries}); err != nil {
			return report{}, errors.Join(fmt.Errorf("ask the audience: %w", err), a.failure())
		}
		var r report
		var ok bool
		select {
		case r, ok = <-a.reports:
			if !ok {
				return r, a.failed
			}
		case <-ctx.Done():
			return r, fmt.Errorf("ask the audience: %w", ctx.Err())
		}
		switch {
		case r.Astray > 0:
			return r, fmt.Errorf("%d deliveries came twice or out of order", r.Astray)
		case r.Deliveries >= deliveries:
			return r, nil
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return r, fmt.Errorf("%d of %d deliveries arrived: %w", r.Deliveries, deliveries, err)
		}
	}
}

// failure is why the audience gave up, if it has.
func (a *audience) failure() error {
	select {
	case _, ok := <-a.reports:
		if !ok {
			return a.failed
		}
	case <-time.After(time.Second):
	}
	return nil
}

// leave ends the audience.
func (a *audience) leave() error { return a.hangUp() }
