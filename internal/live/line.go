package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// A line is a connection that receives, and a queue of what is to be sent.
type line struct {
	bus    *bus
	client redis.UniversalClient
	// cluster is the client once more, if it is one of a cluster: then the line is of one partition, and so of
	// one slot.
	cluster *redis.ClusterClient
	// prefix begins the names of the line's channels.
	prefix string
	// isAlways lines keep a connection also while nobody wants to hear anything.
	isAlways bool
	isDown   atomic.Bool

	mu     sync.Mutex
	wanted map[string]struct{}
	// changes are the channels that came to wanted, or went, since the connection was last told.
	changes map[string]struct{}
	// leaving counts a partition's subscriptions that were ended here and are not confirmed to be.
	leaving map[string]int
	dirty   chan struct{} // changes, or a reason to look whether Redis is back

	outbox chan outgoing
}

type outgoing struct {
	channel string
	payload []byte
}

func newLine(b *bus, client redis.UniversalClient, cluster *redis.ClusterClient, prefix string, queue int) *line {
	return &line{
		bus: b, client: client, cluster: cluster, prefix: prefix, isAlways: cluster == nil,
		wanted: map[string]struct{}{}, changes: map[string]struct{}{}, leaving: map[string]int{},
		dirty: make(chan struct{}, 1), outbox: make(chan outgoing, queue),
	}
}

// want has a stream subscribed to, or no longer.
func (l *line) want(key Key, is bool) {
	channel := l.channelOf(key)
	l.mu.Lock()
	if is {
		l.wanted[channel] = struct{}{}
	} else {
		delete(l.wanted, channel)
	}
	l.changes[channel] = struct{}{}
	l.mu.Unlock()
	l.changed()
}

func (l *line) changed() {
	select {
	case l.dirty <- struct{}{}:
	default:
	}
}

// hasLeft tells whether the end of a subscription is one that was asked for.
func (l *line) hasLeft(channel string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.leaving[channel]
	if n > 1 {
		l.leaving[channel] = n - 1
	} else {
		delete(l.leaving, channel)
	}
	return n > 0
}

// isIdle tells whether the line needs no connection.
func (l *line) isIdle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.isAlways && len(l.wanted) == 0 && !l.isDown.Load()
}

// send publishes what is queued, many in one round trip.
func (l *line) send(ctx context.Context) {
	for {
		var batch []outgoing
		select {
		case <-ctx.Done():
			return
		case o := <-l.outbox:
			batch = append(batch, o)
		}
		for more := true; more && len(batch) < 256; {
			select {
			case o := <-l.outbox:
				batch = append(batch, o)
			default:
				more = false
			}
		}
		if err := l.publish(ctx, batch); err != nil {
			l.bus.noteDown(ctx, l, err)
			l.changed()
		} else {
			l.bus.noteUp(l)
		}
	}
}

// publish publishes a batch. While a slot moves, the two servers may for a moment both name the other: who has it is
// asked anew then. What is published twice is dropped by its number.
func (l *line) publish(ctx context.Context, batch []outgoing) error {
	for attempt := 1; ; attempt++ {
		pipe := l.client.Pipeline()
		for _, o := range batch {
			if l.cluster != nil {
				pipe.SPublish(ctx, o.channel, o.payload)
			} else {
				pipe.Publish(ctx, o.channel, o.payload)
			}
		}
		_, err := pipe.Exec(ctx)
		if l.cluster == nil || attempt == 4 || !redis.HasErrorPrefix(err, "MOVED") {
			return err
		}
		l.reload(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * 20 * time.Millisecond):
		}
	}
}

// reload asks the cluster who has which slot now. The client by itself would do so some ten seconds later.
func (l *line) reload(ctx context.Context) {
	_ = l.cluster.ForEachMaster(ctx, func(context.Context, *redis.Client) error { return nil })
}

// listen receives until the context ends, over as many connections as it takes. It gives the streams whose
// subscription was confirmed to a channel.
func (l *line) listen(ctx context.Context, confirmed chan<- *stream) {
	const least, most = 50 * time.Millisecond, time.Second
	wait, moves := least, 0
	for ctx.Err() == nil {
		if l.isIdle() {
			select {
			case <-ctx.Done():
			case <-l.dirty:
			}
			continue
		}
		worked, err := l.listenOnce(ctx, confirmed)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			continue // nobody wants to hear anything
		}
		if worked {
			wait, moves = least, 0
		}
		var moved movedError
		if errors.As(err, &moved) {
			moves++
		} else {
			moves = 0
		}
		// A slot that moves is no trouble, unless nobody is found to have it.
		if moves == 0 || moves > 5 {
			l.bus.noteDown(ctx, l, err)
		}
		if l.cluster != nil {
			l.reload(ctx)
		}
		if moves == 1 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, most)
	}
}

// A movedError says that the slot of a line has gone to another server.
type movedError struct{ channel string }

// Error implements error.
func (e movedError) Error() string { return fmt.Sprintf("the slot of %s is elsewhere now", e.channel) }

// listenOnce receives on one connection until it breaks, or nobody wants to hear anything, and answers whether it
// received anything at all. Every confirmed subscription is followed by a check, because what was published before it
// is not repeated.
func (l *line) listenOnce(ctx context.Context, confirmed chan<- *stream) (worked bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A channel of its own proves the connection also while nobody subscribes to anything.
	ps := l.open(ctx, l.prefix+"here")
	defer func() { _ = ps.Close() }()
	// Receiving does not heed the context: closing ends it at once.
	defer context.AfterFunc(ctx, func() { _ = ps.Close() })()
	var done sync.WaitGroup
	defer done.Wait()
	done.Go(func() { l.reconcile(ctx, ps) })
	defer cancel()

	const silence = 3 * time.Second
	pinged := false
	for {
		msg, err := ps.ReceiveTimeout(ctx, silence)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil {
			if l.isIdle() {
				return worked, nil
			}
			if pinged {
				return worked, errors.New("Redis does not answer a ping")
			}
			if err := ps.Ping(ctx); err != nil {
				return worked, err
			}
			pinged = true
			continue
		}
		if err != nil {
			if redis.HasErrorPrefix(err, "MOVED") {
				return worked, movedError{l.prefix}
			}
			return worked, err
		}
		pinged, worked = false, true
		l.bus.noteUp(l)
		switch msg := msg.(type) {
		case *redis.Message:
			l.take(msg)
		case *redis.Subscription:
			if err := l.told(msg, confirmed); err != nil {
				return worked, err
			}
		}
	}
}

// open subscribes to the line's first channel.
func (l *line) open(ctx context.Context, channel string) *redis.PubSub {
	if l.cluster != nil {
		return l.cluster.SSubscribe(ctx, channel)
	}
	return l.client.Subscribe(ctx, channel)
}

// told is told that a subscription has begun, or has ended. If nobody here has ended it, then the server has: it
// gives the partition's slot away. It says so once, and is silent for ever.
func (l *line) told(msg *redis.Subscription, confirmed chan<- *stream) error {
	switch msg.Kind {
	case "sunsubscribe":
		if !l.hasLeft(msg.Channel) {
			return movedError{msg.Channel}
		}
	case "subscribe", "ssubscribe":
		key, ok := l.keyOf(msg.Channel)
		if s := l.bus.hub.lookup(key); ok && s != nil {
			select {
			case confirmed <- s:
			default: // the sweep comes by
			}
		}
	}
	return nil
}

func (l *line) take(msg *redis.Message) {
	receivedUpdates.Inc()
	key, ok := l.keyOf(msg.Channel)
	if !ok {
		return
	}
	s := l.bus.hub.lookup(key)
	if s == nil {
		return
	}
	if l.bus.takeSignal(s, []byte(msg.Payload)) {
		return
	}
	u, err := decodeUpdate([]byte(msg.Payload))
	if err != nil {
		l.bus.log.Warn("Redis carried something that is no update", "channel", msg.Channel)
		return
	}
	s.offer(u)
}

// reconcile tells the connection what to subscribe to: all that is wanted, and from then on what changes.
func (l *line) reconcile(ctx context.Context, ps *redis.PubSub) {
	subscribe, unsubscribe := ps.Subscribe, ps.Unsubscribe
	if l.cluster != nil {
		subscribe, unsubscribe = ps.SSubscribe, ps.SUnsubscribe
	}
	have := map[string]bool{}
	l.mu.Lock()
	clear(l.changes)
	clear(l.leaving)
	maps.Copy(l.changes, l.wanted)
	l.mu.Unlock()
	for {
		var more, less []string
		l.mu.Lock()
		for channel := range l.changes {
			_, isWanted := l.wanted[channel]
			switch {
			case isWanted && !have[channel]:
				more = append(more, channel)
				have[channel] = true
			case !isWanted && have[channel]:
				less = append(less, channel)
				delete(have, channel)
				if l.cluster != nil {
					l.leaving[channel]++
				}
			}
		}
		clear(l.changes)
		l.mu.Unlock()
		// An error breaks the connection, which the receiving side sees too.
		for some := range slices.Chunk(more, 1000) {
			_ = subscribe(ctx, some...)
		}
		for some := range slices.Chunk(less, 1000) {
			_ = unsubscribe(ctx, some...)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.dirty:
		}
	}
}
