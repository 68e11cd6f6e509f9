// Package gather asks once for many who ask for the same kind of thing at the same moment: while one
// statement runs, those who come meanwhile gather and go together with the next one. Nobody waits for a timer.
//
// It promises that an answer is never older than its question, that whoever gives up harms nobody, and that
// what is asked knows nothing of who asks: the question runs in a context of its own, without a viewer, so that
// nobody's rights can be mixed up with a neighbour's. Whose rights are looked up has to stand in the key.
package gather

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/convenehq/convene/internal/telemetry"
)

// Most is for how many keys is asked at once, at most. PostgreSQL answers for so many in a few milliseconds.
const Most = 512

const (
	// workers is how many questions run at once: a second one only if a whole batch waits already.
	workers = 4
	// answerTime is how long an answer may take.
	answerTime = 5 * time.Second
)

// A Gatherer asks for keys together. It is safe for concurrent use and runs nothing while nobody asks.
type Gatherer[K comparable, V any] struct {
	ask func(ctx context.Context, keys []K) (map[K]V, error)

	mu      sync.Mutex
	waiting map[K]*question[V]
	order   []K // of waiting; may name keys that nobody waits for any more
	running int
}

// A question is asked for everybody who waits for the same key.
type question[V any] struct {
	askers   int
	trace    *telemetry.SpanContext // of an asker whose request is collected; nil if there is none
	answered chan struct{}
	value    V
	found    bool
	err      error
}

// New makes a gatherer. What ask leaves out was not found; its error is everybody's of the batch.
func New[K comparable, V any](ask func(ctx context.Context, keys []K) (map[K]V, error)) *Gatherer[K, V] {
	return &Gatherer[K, V]{ask: ask, waiting: map[K]*question[V]{}}
}

// Get is the value of a key, as it is now or later; found is false if there is none. It gives up when the
// context ends.
func (g *Gatherer[K, V]) Get(ctx context.Context, key K) (value V, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, err
	}
	q := g.join(key, telemetry.Collected(ctx))
	select {
	case <-q.answered:
		return q.value, q.found, q.err
	case <-ctx.Done():
		g.leave(key, q)
		return value, false, ctx.Err()
	}
}

// join waits for a key with whoever waits for it already, unless that one has been asked for: the answer might be
// older than this question.
func (g *Gatherer[K, V]) join(key K, trace *telemetry.SpanContext) *question[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	q, ok := g.waiting[key]
	if !ok {
		q = &question[V]{answered: make(chan struct{})}
		g.waiting[key] = q
		g.order = append(g.order, key)
	}
	if q.askers++; q.trace == nil {
		q.trace = trace
	}
	if g.running == 0 || g.running < workers && len(g.waiting) >= g.running*Most {
		g.running++
		go g.work()
	}
	return q
}

func (g *Gatherer[K, V]) leave(key K, q *question[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.askers--; q.askers == 0 && g.waiting[key] == q {
		delete(g.waiting, key) // its place in the order names nobody, or whoever comes later
	}
}

// work asks for batch after batch until nobody waits.
func (g *Gatherer[K, V]) work() {
	for {
		g.let()
		keys, batch := g.take()
		if len(keys) == 0 {
			return
		}
		values, err := g.answer(keys, batch)
		for i, q := range batch {
			q.value, q.found = values[keys[i]]
			q.err = err
			close(q.answered)
		}
	}
}

// let lets those run who are about to ask: on a busy machine they stand in the same line for a processor as this
// one, and on an idle one there are none, so that nothing is lost by it.
func (g *Gatherer[K, V]) let() {
	for before := -1; ; {
		g.mu.Lock()
		now := len(g.waiting)
		g.mu.Unlock()
		if now >= Most || now <= before {
			return
		}
		before = now
		runtime.Gosched()
	}
}

// take takes the next batch; none ends the worker.
func (g *Gatherer[K, V]) take() (keys []K, batch []*question[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := 0
	for _, key := range g.order {
		if len(keys) == Most {
			break
		}
		taken++
		if q, ok := g.waiting[key]; ok {
			keys, batch = append(keys, key), append(batch, q)
			delete(g.waiting, key)
		}
	}
	if g.order = slices.Delete(g.order, 0, taken); len(g.order) == 0 {
		g.order = nil
	}
	if len(keys) == 0 {
		g.running--
	}
	return keys, batch
}

var errPanic = errors.New("it panicked")

func (g *Gatherer[K, V]) answer(keys []K, batch []*question[V]) (values map[K]V, err error) {
	ctx, span := spanOf(batch)
	defer span.End()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	defer func() {
		// It runs in nobody's request: nobody else would catch it, and the node would end.
		if cause := recover(); cause != nil {
			values, err = nil, fmt.Errorf("ask for %d together: %w: %v", len(keys), errPanic, cause)
		}
	}()
	return g.ask(ctx, keys)
}

// spanOf is the span of a batch, and the context to ask with, which has nothing else. It belongs to the first asker
// whose request is collected; it names the others.
func spanOf[V any](batch []*question[V]) (context.Context, telemetry.Span) {
	first := slices.IndexFunc(batch, func(q *question[V]) bool { return q.trace != nil })
	if first < 0 {
		return telemetry.StartFrom(nil, "", telemetry.Within)
	}
	ctx, span := telemetry.StartFrom(batch[first].trace, "gather", telemetry.Within)
	telemetry.SetNumber(span, "convene.keys", len(batch))
	for _, q := range batch[first+1:] {
		telemetry.Link(span, q.trace)
	}
	return ctx, span
}
