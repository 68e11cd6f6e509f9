// Command drill rehearses what an operator fears, on throw-away services with real programs, and says
// what clients noticed:
//
//	go run ./internal/drill upgrade            from the commit before this one, under load
//	go run ./internal/drill upgrade --from REV
//	go run ./internal/drill restore            a backup while people write, and what comes after it
//
// It ends with 1 if anything was lost, doubled, or missed without a word.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

// most is how long a drill may take whatever happens, with the compiling of two programs.
const most = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1) //nolint:gocritic // nothing deferred is left to do
	}
}

// A drill is one run of one of them.
type drill struct {
	// folder is for programs; it is deleted at the end.
	folder string
	// from is the revision that an upgrade begins at.
	from string
	// phase is how long each phase of steady load takes.
	phase time.Duration
	// writers is how many conversations somebody writes in.
	writers int
	say     func(format string, args ...any)
}

var drills = map[string]func(context.Context, *drill) (*rehearsal.Report, error){
	"upgrade": func(ctx context.Context, d *drill) (*rehearsal.Report, error) {
		d.say("building %s and the working tree", d.from)
		before, err := buildRevision(ctx, d.folder, d.from)
		if err != nil {
			return nil, err
		}
		after, err := buildTree(ctx, d.folder)
		if err != nil {
			return nil, err
		}
		return upgrade(ctx, d, before, after)
	},
	"restore": func(ctx context.Context, d *drill) (*rehearsal.Report, error) {
		d.say("building the working tree")
		program, err := buildTree(ctx, d.folder)
		if err != nil {
			return nil, err
		}
		return restore(ctx, d, program)
	},
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	d := &drill{}
	set := flag.NewFlagSet("drill", flag.ContinueOnError)
	set.SetOutput(progress)
	set.StringVar(&d.from, "from", "HEAD~1", "the `revision` that an upgrade begins at")
	set.DurationVar(&d.phase, "phase", 4*time.Second, "how long each phase of steady load takes")
	set.IntVar(&d.writers, "writers", 8, "in how many conversations somebody writes")
	set.Usage = func() {
		fmt.Fprint(progress, "Rehearses an upgrade or a restore on throw-away services:\n\n  go run ./internal/drill upgrade|restore [options]\n\nOptions:\n\n")
		set.PrintDefaults()
	}
	name := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	if err := set.Parse(args); err != nil {
		return err
	}
	rehearse, ok := drills[name]
	if !ok || set.NArg() > 0 || d.writers < 1 {
		return errors.New("say which drill, upgrade or restore, and then its options: see -help")
	}
	began := time.Now()
	d.say = func(format string, args ...any) {
		fmt.Fprintf(progress, "[%4.0f s] "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
	}
	if d.folder, err = os.MkdirTemp("", "convene-drill-"); err != nil {
		return fmt.Errorf("make a folder for the programs: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.folder)) }()
	r, err := rehearse(ctx, d)
	if err != nil {
		return err
	}
	return r.Print(out)
}
