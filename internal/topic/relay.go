package topic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fact"
)

// ConsumerName is what the consumer of facts is called that writes the topics.
const ConsumerName = "topics"

// The fields of an entry, besides one for each of the fact's refs.
const (
	fieldFact    = "fact"
	fieldKind    = "kind"
	fieldSubject = "subject"
	fieldActor   = "actor"
	fieldAt      = "at"
)

// Options are the settings.
type Options struct {
	// Redis has the streams.
	Redis redis.UniversalClient
	// Prefix stands before a topic's name in its key.
	Prefix string
	// Length is about how many entries a topic keeps; 100000 if zero.
	Length int64
	// Table is which facts go where; that of this package if nil.
	Table []Route
}

type publisher struct {
	Options
	kinds  fact.Catalogue
	routes map[string]Route
}

// Consume joins the consumers of facts as the one that writes the topics; before the log of facts is started.
// A table that names what may be on no topic is a mistake in the code.
func Consume(l *fact.Log, o Options) {
	if o.Length == 0 {
		o.Length = 100_000
	}
	if o.Table == nil {
		o.Table = Table
	}
	routes, err := check(l.Catalogue(), o.Table)
	if err != nil {
		panic(fmt.Sprintf("topic: %v", err))
	}
	p := &publisher{Options: o, kinds: l.Catalogue(), routes: routes}
	l.Consumer(fact.Consumer{
		Name: ConsumerName, Does: "Puts facts on topics, for services outside of Convene.",
		Kinds: slices.Sorted(maps.Keys(routes)), Take: p.take,
	})
}

// take adds a batch to its topics, in the transaction that takes it out of the queue. If that does not come to
// its commit, the batch is taken and added again. Entries could be told apart by a stream id made of the fact's
// number only if ids need not rise within a stream; and the facts of two subjects commit in any order.
func (p *publisher) take(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
	published := make([]fact.Fact, 0, len(b.Facts))
	entries := p.Redis.Pipeline()
	for _, f := range b.Facts {
		route, ok := p.routes[f.Kind]
		if !ok {
			continue // queued by a node of another release
		}
		name, err := route.Topic.of(ctx, tx, f)
		if err != nil {
			return fact.Done{}, err
		}
		entries.XAdd(ctx, &redis.XAddArgs{
			Stream: p.Prefix + name, MaxLen: p.Length, Approx: true, Values: fields(p.kinds[f.Kind], route, f),
		})
		published = append(published, f)
	}
	if len(published) == 0 {
		return fact.Done{}, nil
	}
	// Before the entries are added: what fails from here on has them added twice.
	if err := fact.MarkPublished(ctx, tx, published...); err != nil {
		return fact.Done{}, err
	}
	added, _ := entries.Exec(ctx) // each says for itself what was wrong
	return fact.Done{}, problem(added)
}

// problem is what kept entries from being added. Somebody may have put something else into a topic's place: then
// the facts of that topic are parked, and the operator sees it. Anything else is Redis's own state, and passes.
func problem(added []redis.Cmder) error {
	var wrong error
	for _, a := range added {
		switch err := a.Err(); {
		case err == nil:
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			wrong = fmt.Errorf("add to %v, which is no stream: %w", a.Args()[1], err)
		default:
			return fmt.Errorf("add to topics: %w: %w", fact.ErrAway, err)
		}
	}
	return wrong
}

// fields are an entry's, with global ids as clients of the API know them.
func fields(k fact.Kind, r Route, f fact.Fact) []string {
	all := []string{
		fieldFact, strconv.FormatInt(f.ID, 10),
		fieldKind, f.Kind,
		fieldSubject, string(relay.NewID(k.Subject, f.Subject)),
		fieldAt, f.At.UTC().Format(time.RFC3339Nano),
	}
	// Nobody has an id for what the operator or the system did.
	if f.Actor != uuid.Nil {
		all = append(all, fieldActor, string(relay.NewID(ent.AccountPrefix, f.Actor)))
	}
	for _, ref := range k.Refs {
		all = append(all, ref, string(relay.NewID(r.Refs[ref], f.Refs[ref])))
	}
	return all
}
