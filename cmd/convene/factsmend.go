package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/fact"
)

type retryCommand struct {
	Consumer string `arg:"" help:"Whose."`
	Subject  string `arg:"" optional:"" help:"About what, as 'convene facts parked' shows it."`
	All      bool   `help:"All that the consumer has parked."`
}

// Run has parked facts tried again.
func (r retryCommand) Run(ctx context.Context, c config.Config) error {
	if (r.Subject == "") != r.All {
		return errors.New("name either a subject or --all")
	}
	var subject uuid.UUID
	if !r.All {
		var err error
		if subject, err = readSubject(r.Subject); err != nil {
			return err
		}
	}
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		n, err := o.facts.Retry(ctx, r.Consumer, subject)
		if err != nil {
			return err
		}
		if n == 0 {
			return o.nothingParked(ctx, r.Consumer)
		}
		say("Running nodes try %s again within a few seconds. `convene facts parked` says how that went.", count(int(n), "subject"))
		return nil
	})
}

// nothingParked says why there is nothing to do: often the consumer's name is misspelt.
func (o office) nothingParked(ctx context.Context, consumer string) error {
	all, err := o.facts.Stats(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Consumer
	}
	if !slices.Contains(names, consumer) {
		return fmt.Errorf("there is no consumer %q; there is %s", consumer, strings.Join(names, ", "))
	}
	return fmt.Errorf("%s has nothing parked of that", consumer)
}

type dropCommand struct {
	Consumer string `arg:"" help:"Whose."`
	Subject  string `arg:"" help:"About what, as 'convene facts parked' shows it."`
	Yes      bool   `help:"Do not ask."`
}

// Run gives a parked fact up.
func (d dropCommand) Run(ctx context.Context, c config.Config) error {
	subject, err := readSubject(d.Subject)
	if err != nil {
		return err
	}
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		p, err := o.findParked(ctx, d.Consumer, subject)
		if err != nil {
			return err
		}
		if !d.Yes && !confirmed("%s will never deal with %s of %s, which it failed on %s. Drop it?",
			p.Consumer, named(p), o.subject(p), times(p.Tries)) {
			return errors.New("nothing was dropped")
		}
		if err := o.drop(ctx, p); err != nil {
			return err
		}
		say("Dropped, which is in the audit log.")
		if p.Behind > 0 {
			say("Running nodes go on with what waited behind it (%s) within a few seconds.", count(p.Behind, "fact"))
		}
		return nil
	})
}

func (o office) findParked(ctx context.Context, consumer string, subject uuid.UUID) (fact.Parked, error) {
	all, err := o.facts.Parked(ctx)
	if err != nil {
		return fact.Parked{}, err
	}
	i := slices.IndexFunc(all, func(p fact.Parked) bool { return p.Consumer == consumer && p.Subject == subject })
	if i < 0 {
		return fact.Parked{}, o.nothingParked(ctx, consumer)
	}
	return all[i], nil
}

// drop gives a fact up and notes it, both or neither.
func (o office) drop(ctx context.Context, p fact.Parked) error {
	kind := "subject"
	if k, ok := o.facts.Catalogue()[p.Kind]; ok {
		kind = k.Subject
	}
	entry := audit.Entry{
		Action: audit.FactDropped, Target: audit.Target{Kind: kind, ID: p.Subject},
		Diff: audit.Diff{
			"consumer": audit.FromTo(p.Consumer, nil), "fact": audit.FromTo(p.ID, nil), "kind": audit.FromTo(p.Kind, nil),
		},
	}
	// A profile has the id of its account.
	if kind == ent.AccountPrefix || kind == ent.ProfilePrefix {
		entry.Account = p.Subject
	}
	return o.db.Tx(ctx, func(tx *ent.Tx) error {
		dropped, err := o.facts.Drop(ctx, tx, p)
		if err != nil {
			return err
		}
		if !dropped {
			return errors.New("it is parked no longer: it has just been dealt with, or dropped by somebody else")
		}
		return audit.Write(ctx, tx, entry)
	})
}

// named is a parked fact in words.
func named(p fact.Parked) string {
	if p.ID == nil {
		return "what happened as " + p.Kind
	}
	return fmt.Sprintf("fact %d (%s)", *p.ID, p.Kind)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// confirmed asks the person at the terminal.
func confirmed(question string, args ...any) bool {
	fmt.Fprintf(os.Stderr, question+" [y/N] ", args...)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n') // whoever is not there has not said yes
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}
