package fact

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
)

// A Consumer has something to do about facts of some kinds.
type Consumer struct {
	// Name is what its queue is called. It never changes once released.
	Name string
	// Does is what its effects are, in a sentence.
	Does string
	// Kinds are the names of the kinds it wants to know of.
	Kinds []string
	// Take has the effects of a batch, as the system, in the transaction that takes the batch out of the queue.
	// It may be called again with the same batch after a transaction that failed, so effects outside of
	// PostgreSQL belong into Done.After or have to bear repetition.
	Take func(ctx context.Context, tx *ent.Tx, b Batch) (Done, error)
}

// A Batch is what a consumer is to deal with at once.
type Batch struct {
	// Facts are in the order of their numbers.
	Facts []Fact
	// Bursts have no order.
	Bursts []Burst
}

// Done is what a consumer has to say when it has taken a batch.
type Done struct {
	// After is called once the effects have been committed; nil for nothing.
	After func()
	// Rest is for how long bursts of a subject should gather before the next are taken.
	Rest map[uuid.UUID]time.Duration
}

// ErrAway says that what a consumer needs for its effects does not answer: no fact is to blame and none is
// parked, the whole consumer tries again in a while.
var ErrAway = errors.New("what the effects need does not answer")

func (c Consumer) wants(kind string) bool { return slices.Contains(c.Kinds, kind) }

// Of is the part of a batch that is of some kinds.
func (b Batch) Of(kinds ...string) Batch {
	var part Batch
	for _, f := range b.Facts {
		if slices.Contains(kinds, f.Kind) {
			part.Facts = append(part.Facts, f)
		}
	}
	for _, x := range b.Bursts {
		if slices.Contains(kinds, x.Kind) {
			part.Bursts = append(part.Bursts, x)
		}
	}
	return part
}

// IsEmpty tells whether there is nothing in it.
func (b Batch) IsEmpty() bool { return len(b.Facts) == 0 && len(b.Bursts) == 0 }

// each are the facts and bursts of a batch one by one, in order.
func (b Batch) each() []Batch {
	all := make([]Batch, 0, len(b.Facts)+len(b.Bursts))
	for _, f := range b.Facts {
		all = append(all, Batch{Facts: []Fact{f}})
	}
	for _, x := range b.Bursts {
		all = append(all, Batch{Bursts: []Burst{x}})
	}
	return all
}

// subjects are the subjects of a batch, each once, in the order in which they first appear.
func (b Batch) subjects() []uuid.UUID {
	var all []uuid.UUID
	seen := map[uuid.UUID]bool{}
	add := func(id uuid.UUID) {
		if !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	for _, f := range b.Facts {
		add(f.Subject)
	}
	for _, x := range b.Bursts {
		add(x.Subject)
	}
	return all
}
