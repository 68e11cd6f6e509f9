package live

import (
	"context"

	"github.com/google/uuid"
)

// A Wish is what a slice's subscription asks for, once it has made sure that the viewer may.
type Wish[T any] struct {
	// Key is the stream.
	Key Key
	// After is the cursor to resume behind; nil for from now on.
	After *Cursor
	// From is the number before which the viewer sees nothing.
	From int64
	// Judged is one more than the stream's head when Sees was made; 0 if nothing can have changed since.
	Judged int64
	// Account is who it is for; the zero id for an audience.
	Account uuid.UUID
	// Sees judges each update; nil for all.
	Sees func(Update) bool
	// Apart tells with whom there is something between that an audience can not know: an update that shows such a
	// person is rendered for this viewer alone. It is asked after Sees; nil for nobody.
	Apart func(person uuid.UUID) bool
	// Greets has a subscriber without a cursor given one at once.
	Greets bool
	// Expect is told which items of a personal stream are decoded next; nil if that makes no difference.
	Expect func(context.Context, []Item) error
	// Decode turns an item into what the resolver's channel carries.
	Decode func(Item) (T, error)
}

// An Intent is a wish as the shared execution sees it.
type Intent struct {
	Key     Key
	After   *Cursor
	From    int64
	Judged  int64
	Account uuid.UUID
	Greets  bool
	Sees    func(Update) bool
	Apart   func(person uuid.UUID) bool
}

// A Probe in the context makes Subscribe only note what is wanted: how the shared execution learns it
// from a resolver, after the resolver's checks.
type Probe struct{ Intent *Intent }

// An Inlet in the context makes Subscribe return a channel that the shared execution fills item by item.
type Inlet struct {
	// Push decodes an item and puts it into the resolver's channel, which holds one. It is set by
	// Subscribe.
	Push func(context.Context, Item) error
	// Expect is the wish's; nil if it has none.
	Expect func(context.Context, []Item) error
}

type (
	probeKey struct{}
	inletKey struct{}
)

// WithProbe puts a probe into the context.
func WithProbe(ctx context.Context, p *Probe) context.Context {
	return context.WithValue(ctx, probeKey{}, p)
}

// WithInlet puts an inlet into the context.
func WithInlet(ctx context.Context, in *Inlet) context.Context {
	return context.WithValue(ctx, inletKey{}, in)
}

// IsFed tells whether Subscribe will return a channel that is filled by hand, for updates that another one's Sees judges.
func IsFed(ctx context.Context) bool { return ctx.Value(inletKey{}) != nil }

// Subscribe is what a subscription's use case returns. Under the shared execution it notes the wish or
// its channel is filled by hand; without, it is a subscriber of its own.
func Subscribe[T any](ctx context.Context, h *Hub, w Wish[T]) (<-chan T, error) {
	if p, ok := ctx.Value(probeKey{}).(*Probe); ok {
		p.Intent = &Intent{
			Key: w.Key, After: w.After, From: w.From, Judged: w.Judged, Account: w.Account, Greets: w.Greets, Sees: w.Sees, Apart: w.Apart,
		}
		return make(chan T), nil
	}
	if in, ok := ctx.Value(inletKey{}).(*Inlet); ok {
		out := make(chan T, 1)
		in.Expect = w.Expect
		in.Push = func(ctx context.Context, item Item) error {
			v, err := w.Decode(item)
			if err != nil {
				return err
			}
			select {
			case out <- v:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return out, nil
	}
	return subscribeAlone(ctx, h, w)
}

// subscribeAlone delivers to a channel of the subscriber's own. One that does not read for a while is
// ended, as a slow socket is.
func subscribeAlone[T any](ctx context.Context, h *Hub, w Wish[T]) (<-chan T, error) {
	out := make(chan T)
	queue := make(chan T, 4096)
	ctx, end := context.WithCancel(ctx)
	put := func(v T) {
		if ctx.Err() != nil {
			return // nothing after what could not be delivered
		}
		select {
		case queue <- v:
		default:
			end()
		}
	}
	plan := &aloneRenderer[T]{asked: ctx, expect: w.Expect, decode: w.Decode}
	member := &Member{
		Account: w.Account,
		Sees:    w.Sees,
		Deliver: func([]byte, string) { put(plan.last) },
		Fail:    func(error) { end() },
	}
	detach, err := h.Attach(ctx, Request{
		Key: w.Key, After: w.After, From: w.From, Judged: w.Judged, Greets: w.Greets,
		Plan:     "alone:" + uuid.NewString(),
		Renderer: func() (Renderer, error) { return plan, nil },
	}, member)
	if err != nil {
		end()
		return nil, err
	}
	go func() {
		defer close(out)
		defer end()
		defer detach()
		for {
			select {
			case <-ctx.Done():
				return
			case v := <-queue:
				if ctx.Err() != nil {
					return
				}
				select {
				case out <- v:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}

// aloneRenderer hands the decoded value over beside the bytes that nobody needs; rendering and
// delivering follow each other under the stream's lock.
type aloneRenderer[T any] struct {
	asked  context.Context //nolint:containedctx // says who asks, for as long as the subscription stands
	expect func(context.Context, []Item) error
	decode func(Item) (T, error)
	last   T
}

func (r *aloneRenderer[T]) Expect(_ context.Context, items []Item) error {
	if r.expect == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.asked, renderTime)
	defer cancel()
	return r.expect(ctx, items)
}

func (r *aloneRenderer[T]) Render(_ context.Context, item Item, _ bool) (_ []byte, err error) {
	r.last, err = r.decode(item)
	return nil, err
}

func (r *aloneRenderer[T]) Close() {}
