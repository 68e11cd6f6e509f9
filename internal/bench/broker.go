package main

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/generated"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// stockSubscriptions are ours but for a conversation's, which they serve as one does with gqlgen: a channel for
// each subscriber, into which a broker puts the same Go value for all of them.
type stockSubscriptions struct {
	generated.SubscriptionResolver
	broker *broker
}

// stockQueue is how many updates wait for a subscriber that does not keep up. One more is dropped: waiting would
// hold up everybody else, and the transport has no way to close a slow client.
const stockQueue = 100

// ConversationUpdates implements generated.SubscriptionResolver, with the same checks as ours.
func (s stockSubscriptions) ConversationUpdates(ctx context.Context, id relay.ID, after *string) (<-chan messaging.ConversationUpdate, error) {
	probe := &live.Probe{}
	if _, err := s.SubscriptionResolver.ConversationUpdates(live.WithProbe(ctx, probe), id, after); err != nil {
		return nil, err
	}
	r, err := s.broker.room(ctx, id, probe.Intent, s.SubscriptionResolver)
	if err != nil {
		return nil, err
	}
	to := make(chan messaging.ConversationUpdate, stockQueue)
	if probe.Intent.After != nil {
		if probe.Intent.After, err = s.broker.replay(ctx, *probe.Intent.After, to); err != nil {
			return nil, err
		}
	}
	return to, r.join(ctx, probe.Intent, to)
}

// replay gives a subscriber what it missed, read for it alone, as the query for a page of messages reads it. It answers
// up to where that goes.
func (b *broker) replay(ctx context.Context, after live.Cursor, to chan<- messaging.ConversationUpdate) (*live.Cursor, error) {
	list := relay.List{Name: "messages/" + string(messaging.OldestFirst), Of: after.Key.ID}
	from := list.Cursor(relay.Key{Number: after.Seq})
	page, err := b.node.messaging.Messages(ctx, &ent.Conversation{ID: after.Key.ID}, stockQueue, &from, messaging.OldestFirst)
	if err != nil {
		return nil, err
	}
	for _, m := range page.Nodes() {
		after.Seq = m.Seq
		to <- &messaging.MessageSent{Cursor: b.node.hub.Cursor(after.Key, m.Seq).String(), Message: m}
	}
	return &after, nil
}

// A broker has the conversations that somebody on this node watches.
type broker struct {
	node  *node
	mu    sync.Mutex
	rooms map[string]*room
}

// A room turns each update of a conversation into a Go value, once for all its subscribers. It is a renderer as the
// hub knows them, so that the hub orders, repairs and replays for it as it does for our own plans.
type room struct {
	broker *broker
	inlet  live.Inlet
	mu     sync.Mutex // guards the rest
	out    <-chan messaging.ConversationUpdate
	// values are by their numbers.
	values []messaging.ConversationUpdate
	last   live.Cursor // of the latest
}

func (b *broker) room(ctx context.Context, id relay.ID, in *live.Intent, decoder generated.SubscriptionResolver) (*room, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.rooms[string(id)]; ok {
		return r, nil
	}
	r := &room{broker: b}
	audience := viewer.With(context.WithoutCancel(ctx), viewer.OfAudience(in.Key.ID, false))
	var err error
	if r.out, err = decoder.ConversationUpdates(live.WithInlet(audience, &r.inlet), id, nil); err != nil {
		return nil, err
	}
	b.rooms[string(id)] = r
	return r, nil
}

// join gives a subscriber what it wants until its context ends.
func (r *room) join(ctx context.Context, in *live.Intent, to chan<- messaging.ConversationUpdate) error {
	var mu sync.Mutex // nothing is sent to a closed channel
	over := false
	member := &live.Member{
		Account: in.Account,
		Sees:    in.Sees,
		Deliver: func(number []byte, _ string) {
			mu.Lock()
			defer mu.Unlock()
			if over {
				return
			}
			select {
			case to <- r.value(number):
			default:
			}
		},
		Fail: func(error) {},
	}
	detach, err := r.broker.node.hub.Attach(ctx, live.Request{
		Key: in.Key, After: in.After, From: in.From, Judged: in.Judged, Greets: in.Greets,
		Plan: "stock", Renderer: func() (live.Renderer, error) { return r, nil },
	}, member)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		detach()
		mu.Lock()
		defer mu.Unlock()
		over = true
		close(to)
	})
	return nil
}

func (r *room) value(number []byte) messaging.ConversationUpdate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[binary.BigEndian.Uint64(number)]
}

// Render implements live.Renderer: instead of bytes it answers the number of the value.
func (r *room) Render(ctx context.Context, item live.Item, _ bool) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.values) == 0 || r.last != item.Cursor { // else it is for the author now, who gets the same
		if err := r.inlet.Push(ctx, item); err != nil {
			return nil, err
		}
		r.values, r.last = append(r.values, <-r.out), item.Cursor
	}
	return binary.BigEndian.AppendUint64(nil, uint64(len(r.values)-1)), nil
}

// Close implements live.Renderer.
func (r *room) Close() {}
