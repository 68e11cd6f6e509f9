package graph

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/topic"
)

// WriteCatalogue writes docs/facts.md: every kind of fact, who stores it, and who has something to do about it.
func WriteCatalogue(to io.Writer) error {
	consumers, err := consumers()
	if err != nil {
		return err
	}
	p := &page{consumers: consumers}
	p.write()
	_, err = io.WriteString(to, p.text.String())
	return err
}

// consumers are those that a node has. The slices are made as for one, on a database that nobody asks anything.
func consumers() ([]fact.Consumer, error) {
	ring, err := token.NewRing(make([]byte, 32))
	if err != nil {
		return nil, fmt.Errorf("make the slices: %w", err)
	}
	r := Connect(Base{DB: &db.DB{}, Ring: ring, Hub: live.New(live.Options{})})
	defer r.Close()
	topic.Consume(r.Facts, topic.Options{})
	return r.Facts.Consumers(), nil
}

// A page is docs/facts.md on its way.
type page struct {
	consumers []fact.Consumer
	text      strings.Builder
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

func (p *page) heads(heads ...string) {
	p.row(heads...)
	p.line("|%s", strings.Repeat("---|", len(heads)))
}

func (p *page) write() {
	p.line("# Facts")
	p.line("")
	p.line("<!-- `make generate` writes this page from the slices' facts.go, graph/unstored.go and internal/topic/table.go: edit those. -->")
	p.line("")
	p.line("A fact is what happened, stored in the transaction of the change that it tells of. It has a number, a moment, a subject, the")
	p.line("account that did it (none for the operator and the system), and other ids by name, its refs; never what people wrote.")
	p.line("Facts are kept for 30 days, and longer where a consumer has yet to deal with them. Why so, and how: [ADR 0015](adr/0015-facts.md).")
	p.line("`convene facts catalogue` prints this page, `convene facts queues` how the consumers stand.")
	p.stored()
	p.bursts()
	p.unstored()
	p.outwards()
}

func (p *page) stored() {
	p.line("")
	p.line("## What is stored")
	p.line("")
	p.heads("kind", "what happened", "subject", "refs", "stored by", "consumers")
	for _, k := range Catalogue().Kinds() {
		if !k.IsBurst {
			p.row(code(k.Name), k.Says, k.Subject, codes(k.Refs), codes(k.By), p.whoConsumes(k))
		}
	}
}

func (p *page) bursts() {
	p.line("")
	p.line("## What happens in bursts")
	p.line("")
	p.line("It is stored elsewhere, or concerns one person alone. What a consumer gets is one row for each subject: up to which number.")
	p.line("")
	p.heads("kind", "what happens", "subject", "noted by", "consumers")
	for _, k := range Catalogue().Kinds() {
		if k.IsBurst {
			p.row(code(k.Name), k.Says, k.Subject, codes(k.By), p.whoConsumes(k))
		}
	}
}

func (p *page) unstored() {
	p.line("")
	p.line("## Mutations that store none")
	p.line("")
	p.line("Every other mutation stores the facts that name it above, and none if it is refused or changes nothing.")
	p.line("")
	p.heads("mutation", "why")
	for _, name := range slices.Sorted(maps.Keys(Unstored)) {
		p.row(code(name), Unstored[name])
	}
}

func (p *page) outwards() {
	p.line("")
	p.line("## Consumers")
	p.line("")
	p.heads("consumer", "what it does")
	for _, c := range p.consumers {
		p.row(code(c.Name), c.Does)
	}
	p.line("")
	p.line("## Topics")
	p.line("")
	p.line("What services outside of Convene may read; [topics.md](topics.md) says how.")
	p.line("")
	p.heads("topic", "kind")
	for _, r := range topic.Table {
		p.row(code(r.Topic.String()), code(r.Kind))
	}
	p.line("")
	p.line("On no topic, ever:")
	p.line("")
	for _, k := range Catalogue().Kinds() {
		if k.Withheld != "" {
			p.line("- %s: %s", code(k.Name), k.Withheld)
		}
	}
}

func (p *page) whoConsumes(k fact.Kind) string {
	var names []string
	for _, c := range p.consumers {
		if slices.Contains(c.Kinds, k.Name) {
			names = append(names, c.Name)
		}
	}
	return codes(names)
}

func code(text string) string { return "`" + text + "`" }

func codes(texts []string) string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = code(t)
	}
	return strings.Join(all, ", ")
}
