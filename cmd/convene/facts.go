package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/fact"
)

type factsCommand struct {
	Queues    queuesCommand    `cmd:"" help:"Show how far each consumer of facts is. Example: convene facts queues"`
	Parked    parkedCommand    `cmd:"" help:"Show the facts that a consumer fails on. Example: convene facts parked"`
	Retry     retryCommand     `cmd:"" help:"Have parked facts tried again now. Example: convene facts retry topics --all"`
	Drop      dropCommand      `cmd:"" help:"Give a parked fact up, so that what waits behind it goes on. Example: convene facts drop topics account_01k3yvafbre5b8ck8k5fpn6a1r"`
	Catalogue catalogueCommand `cmd:"" help:"Print every kind of fact, as in docs/facts.md. Example: convene facts catalogue"`
}

type queuesCommand struct{}

// Run shows how the consumers stand.
func (queuesCommand) Run(ctx context.Context, c config.Config) error {
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		all, err := o.facts.Stats(ctx)
		if err != nil {
			return err
		}
		w := table(os.Stdout, "CONSUMER", "WAITING", "OLDEST", "PARKED SUBJECTS")
		for _, s := range all {
			oldest := ""
			if s.Depth > 0 {
				oldest = s.Oldest.Round(time.Millisecond).String()
			}
			cells(w, s.Consumer, fmt.Sprint(s.Depth), oldest, fmt.Sprint(s.Parked))
		}
		return w.Flush()
	})
}

type parkedCommand struct{}

// Run shows the parked facts.
func (parkedCommand) Run(ctx context.Context, c config.Config) error {
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		all, err := o.facts.Parked(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			say("Nothing is parked.")
			return nil
		}
		w := table(os.Stdout, "CONSUMER", "FACT", "KIND", "SUBJECT", "TRIES", "BEHIND", "PARKED", "NEXT TRY", "ERROR")
		for _, p := range all {
			cells(w, p.Consumer, number(p), p.Kind, o.subject(p), fmt.Sprint(p.Tries), fmt.Sprint(p.Behind),
				moment(p.ParkedAt), moment(p.NextAt), oneLine(p.Error))
		}
		return w.Flush()
	})
}

// number is the fact's; bursts have none.
func number(p fact.Parked) string {
	if p.ID == nil {
		return ""
	}
	return fmt.Sprint(*p.ID)
}

// subject is the global id of what a parked fact is about, or its bare id if a newer release has stored it.
func (o office) subject(p fact.Parked) string {
	if k, ok := o.facts.Catalogue()[p.Kind]; ok {
		return string(relay.NewID(k.Subject, p.Subject))
	}
	return p.Subject.String()
}

// oneLine keeps what an error says from moving the terminal's cursor.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}

// readSubject reads a subject as the tables show it.
func readSubject(text string) (uuid.UUID, error) {
	if _, row, ok := relay.ID(text).Split(); ok {
		return row, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return id, fmt.Errorf("%q is no subject: take it from `convene facts parked`", text)
	}
	return id, nil
}

type catalogueCommand struct{}

// Run prints the catalogue.
func (catalogueCommand) Run() error { return graph.WriteCatalogue(os.Stdout) }
