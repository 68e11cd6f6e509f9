package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/token"
)

// hostMode is the argument by which this program becomes a host.
const hostMode = "host"

// A host is a process of its own with one node, which only delivers: others send and consume facts, so that its
// processor time and memory are those of its sockets.
type host struct {
	*child
	// isStock tells that it executes and delivers as gqlgen does by itself.
	isStock  bool
	endpoint string
}

// A demand is what a host is asked for.
type demand struct {
	// Open is the first one.
	Open *opening
	// Rest has it collect garbage and give memory back before it says how much it has.
	Rest bool
	// Profile is a file's name in Folder, for a profile from now to the next demand with Profiled.
	Profile, Folder string
	Profiled        bool
}

// An opening is what a host is made of.
type opening struct {
	DatabaseURL, RedisURL string
	Secret                []byte
	IsStock               bool
}

// A condition is how a host is.
type condition struct {
	Endpoint string
	// Used is its processor time so far.
	Used time.Duration
	// Resident is the memory that it has of the system, in KB.
	Resident   float64
	Goroutines int
	// Statements are those that it has sent to PostgreSQL.
	Statements statements
}

// openHost starts a host of the house.
func (h *house) openHost(ctx context.Context, isStock bool) (*host, error) {
	c, err := spawn(ctx, hostMode)
	if err != nil {
		return nil, err
	}
	x := &host{child: c, isStock: isStock}
	now, err := x.ask(demand{Open: &opening{h.services.DatabaseURL, h.services.RedisURL, h.secret, isStock}})
	if err != nil {
		return nil, errors.Join(err, x.leave())
	}
	x.endpoint = now.Endpoint
	return x, nil
}

func (x *host) ask(d demand) (condition, error) { return ask[condition](x.child, d) }

// profile records where the host's time goes until stop is called, if profiles were asked for.
func (x *host) profile(b *bench, name string) (stop func() error, err error) {
	if b.profiles == "" {
		return func() error { return nil }, nil
	}
	if x.isStock {
		name += "-stock"
	}
	_, err = x.ask(demand{Folder: b.profiles, Profile: name})
	return func() error {
		_, err := x.ask(demand{Profiled: true})
		return err
	}, err
}

// keepHost is the life of a host.
func keepHost(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	n, profiled, said := &node{}, func() error { return nil }, &statements{}
	defer func() { err = errors.Join(err, n.close()) }()
	return obey(in, out, func(d demand) (now condition, err error) {
		switch {
		case d.Open != nil:
			n, err = d.Open.node(ctx, said)
		case d.Profile != "":
			profiled, err = profileInto(d.Folder, d.Profile)
		case d.Profiled:
			err = profiled()
		}
		if err != nil {
			return now, err
		}
		if d.Rest {
			debug.FreeOSMemory()
			debug.FreeOSMemory() // what was only in pools goes with the second one
		}
		resident, err := residentMB(os.Getpid())
		return condition{
			Endpoint: n.endpoint(), Used: ownTime(), Goroutines: runtime.NumGoroutine(),
			Resident: resident * 1000, Statements: said.now(),
		}, err
	})
}

// node is the host's.
func (o opening) node(ctx context.Context, said *statements) (*node, error) {
	ring, err := token.NewRing(o.Secret)
	if err != nil {
		return &node{}, err
	}
	h := &house{services: &embedded.Services{DatabaseURL: o.DatabaseURL, RedisURL: o.RedisURL}, ring: ring}
	n, err := h.connect(ctx, nil, said.note)
	if err != nil {
		return n, err
	}
	if o.IsStock {
		err = n.serveStock(ctx)
	} else {
		err = n.serve(ctx, ring)
	}
	if err != nil {
		return &node{}, errors.Join(fmt.Errorf("bring a host up: %w", err), n.close())
	}
	return n, nil
}
