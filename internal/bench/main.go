// Command bench measures what the README promises, on this machine, and prints one table. It starts a
// PostgreSQL and a Redis of its own, with fsync on and the data on disk, and leaves nothing behind.
//
//	go run ./internal/bench
//	go run ./internal/bench -short -only inbox,send
//
// A benchmark is not a test: a goal that is missed stands in its row and does not fail the run. What could
// not be measured at all does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// most is how long a run may take whatever happens; it takes seven minutes on an idle laptop.
const most = 15 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if len(os.Args) == 2 && modes[os.Args[1]] != nil {
		exit(modes[os.Args[1]](ctx, os.Stdin, os.Stdout))
	}
	exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func exit(err error) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A part is a few rows that are measured together.
type part struct {
	name, about string
	measure     func(context.Context, *bench) ([]row, error)
}

var parts = []part{
	{"inbox", "the inbox over HTTP: statements, latency, requests/s", measureInbox},
	{"send", "messages through the appender, beside single-row INSERTs by pgbench", measureSend},
	{"effects", "facts, from the commit to what three consumers do about them", measureEffects},
	{"circle", "sending to 50 members beside sending to one, the feeds being written meanwhile", measureCircle},
	{"feed", "from the commit on one node to the feed on another, and a week's absence", measureFeed},
	{"live", "from the commit on one node to a subscriber on another", measureLive},
	{"sweep", "the look for lost updates on a node with 100,000 streams", measureSweep},
	{"sockets", "one conversation to 2,000 sockets, beside stock gqlgen: CPU, memory", measureSockets},
	{"flood", "160,000 deliveries/s offered to 2,000 sockets, beside stock gqlgen", measureFlood},
	{"groups", "1,000 groups of 5 on another node, beside stock gqlgen", measureGroups},
	{"wall", "what a document passes before it is executed, and documents that are meant to stall", measureWall},
	{"accounts", "tokens verified, passwords guessed of known and unknown names, and 50 who sign in at once", measureAccounts},
	{"resume", "5,000 clients that come back at once to a node that was just restarted, beside stock gqlgen", measureResume},
	{"stall", "50 of 200 sockets never read", measureStall},
	{"start", "the built binary: cold start, warm start, memory", measureStart},
}

// A bench is one run.
type bench struct {
	short    bool
	profiles string
	say      func(format string, args ...any)
	house    *house
}

// rounds is how often everything is measured: what is printed is the median, and the spread beside it.
const rounds = 3

// during is how long to measure: less in a short run.
func (b *bench) during(d time.Duration) time.Duration {
	if b.short {
		return d / 4
	}
	return d
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	chosen, b, err := options(args, progress)
	if err != nil {
		return err
	}
	began := time.Now()
	b.say = func(format string, args ...any) {
		fmt.Fprintf(progress, "[%4.0f s] "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
	}
	m, err := lookAround(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(chosen, func(p part) bool { return p.name != "start" }) {
		if b.house, err = openHouse(ctx, b.say); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.house.close()) }()
		m.database, m.redis = b.house.database, b.house.redis
	}
	t := table{machine: m}
	var failed []error
	for _, p := range chosen {
		b.say("%s: %s", p.name, p.about)
		before := usageNow()
		rows, err := p.measure(ctx, b)
		others := usageNow().othersSince(before)
		for i := range rows {
			rows[i].others = others
		}
		t.rows = append(t.rows, rows...)
		if ctx.Err() != nil {
			return fmt.Errorf("stopped during %s: %w", p.name, context.Cause(ctx))
		}
		if err != nil {
			b.say("%s: %v", p.name, err)
			failed = append(failed, fmt.Errorf("measure %s: %w", p.name, err))
		}
	}
	b.say("done")
	return errors.Join(append(failed, t.print(out))...)
}

func options(args []string, help io.Writer) ([]part, *bench, error) {
	b := &bench{}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(help)
	only := set.String("only", "", "measure only these `parts`, separated by commas")
	set.BoolVar(&b.short, "short", false, "measure for a quarter of the time: a first impression")
	set.StringVar(&b.profiles, "profiles", "", "write profiles of inbox, send and all beside stock gqlgen into this `folder`, for go tool pprof")
	set.Usage = func() {
		fmt.Fprint(help, "Measures what the README promises, in about seven minutes. The parts are:\n\n")
		for _, p := range parts {
			fmt.Fprintf(help, "  %-8s %s\n", p.name, p.about)
		}
		fmt.Fprint(help, "\nFor example:\n\n  go run ./internal/bench -short -only inbox,send\n\nOptions:\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return nil, nil, err
	}
	if set.NArg() > 0 {
		return nil, nil, fmt.Errorf("%q is one argument too many: see -help", set.Arg(0))
	}
	chosen, err := choose(*only)
	return chosen, b, err
}

func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no part %q: see -help", name)
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}

// wait lets time pass, unless the context ends before.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
