// Command chaos has two nodes of the built program serve clients while everything around them breaks, and
// holds what every client got to what PostgreSQL has:
//
//	go run ./internal/chaos
//	go run ./internal/chaos -short -mishaps pubsub,redis -seed 7
//
// It ends with 1 if an update was missing, came twice or out of order, if a client was told to fetch anew
// without need, or if something that was acknowledged is lost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1) //nolint:gocritic // nothing deferred is left to do
	}
}

// options are what a run is to be like.
type options struct {
	duration time.Duration
	clients  int
	rate     int
	seed     uint64
	// isCluster says that Redis is a cluster.
	isCluster bool
	// program is a built program; empty for that of the working tree.
	program string
	mishaps []mishap
}

const (
	longRun, shortRun         = 150 * time.Second, 15 * time.Second
	manyClients, fewClients   = 200, 40
	manyMutations, fewAtATime = 120, 60
)

func parse(args []string, help io.Writer) (o options, showSchedule bool, err error) {
	set := flag.NewFlagSet("chaos", flag.ContinueOnError)
	set.SetOutput(help)
	short := set.Bool("short", false, fmt.Sprintf("a first impression: %s, %d clients, %d mutations a second, unless said otherwise", shortRun, fewClients, fewAtATime))
	set.DurationVar(&o.duration, "duration", 0, fmt.Sprintf("how long everything breaks; %s if 0", longRun))
	set.IntVar(&o.clients, "clients", 0, fmt.Sprintf("how many clients there are; %d if 0", manyClients))
	set.IntVar(&o.rate, "rate", 0, fmt.Sprintf("how many mutations a second are tried; %d if 0", manyMutations))
	set.Uint64Var(&o.seed, "seed", 0, "which mishaps when, and who does what; a new one if 0")
	redis := set.String("redis", "plain", "plain, or cluster for three servers that share the slots")
	set.StringVar(&o.program, "program", "", "the `file` of a program of this version that has been built, to be tried in place of the working tree's")
	chosen := set.String("mishaps", "all", "all, none, or some `names`, separated by commas")
	set.BoolVar(&showSchedule, "schedule", false, "print what would go wrong when, and end")
	set.Usage = func() {
		var names []string
		for _, f := range allMishaps() {
			names = append(names, string(f))
		}
		fmt.Fprintf(help, `Has two nodes serve clients while everything around them breaks, in about three minutes.

For example:

  go run ./internal/chaos -short -mishaps pubsub,redis -seed 7

The mishaps are %s.

Options:

`, strings.Join(names, ", "))
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return o, false, err
	}
	if o.mishaps, err = chooseMishaps(*chosen); err != nil {
		return o, false, err
	}
	switch *redis {
	case "plain": // which has no slots
		o.mishaps = slices.DeleteFunc(slices.Clone(o.mishaps), func(m mishap) bool { return m == mishapSlot })
	case "cluster":
		o.isCluster = true
	default:
		return o, false, fmt.Errorf("there is no Redis of the kind %q: see -help", *redis)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // a number that one can type
	}
	duration, clients, rate := longRun, manyClients, manyMutations
	if *short {
		duration, clients, rate = shortRun, fewClients, fewAtATime
	}
	orElse(&o.duration, duration)
	orElse(&o.clients, clients)
	orElse(&o.rate, rate)
	if set.NArg() > 0 || o.clients < groupSize || o.rate < 1 || o.duration < time.Second {
		return o, false, fmt.Errorf("it takes %d clients, one mutation a second and one second at least: see -help", groupSize)
	}
	return o, showSchedule, nil
}

func orElse[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, showSchedule, err := parse(args, progress)
	if err != nil {
		return err
	}
	if showSchedule {
		for _, e := range scheduleOf(o.seed, o.duration, o.mishaps).strikes {
			fmt.Fprintln(out, e)
		}
		return nil
	}
	// A run that hangs ends, with the compiling and the waiting at the end.
	ctx, cancel := context.WithTimeout(ctx, o.duration+10*time.Minute)
	defer cancel()
	began := time.Now()
	c := &chaos{options: o, say: func(format string, args ...any) {
		fmt.Fprintf(progress, "[%4.0f s] "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
	}}
	folder, err := os.MkdirTemp("", "convene-chaos-")
	if err != nil {
		return fmt.Errorf("make a folder for the program: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if c.program == "" {
		c.say("seed %d; building the program", o.seed)
		c.program = filepath.Join(folder, "convene")
		if err := rehearsal.Build(ctx, ".", c.program); err != nil {
			return err
		}
	}
	r, err := c.run(ctx, progress)
	if err != nil {
		return err
	}
	return r.Print(out)
}
