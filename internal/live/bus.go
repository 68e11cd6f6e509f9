package live

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// channelPrefix begins the name of every Redis channel.
const channelPrefix = "convene:live:"

// A bus carries updates between nodes over Redis. Nothing is kept in Redis, and nothing waits for it.
type bus struct {
	client redis.UniversalClient
	log    *slog.Logger
	hub    *Hub
	down   atomic.Bool

	mu     sync.Mutex
	wanted map[string]Key
	dirty  chan struct{} // a change of wanted

	outbox chan outgoing
}

type outgoing struct {
	channel string
	payload []byte
}

func newBus(client redis.UniversalClient, log *slog.Logger, h *Hub) *bus {
	return &bus{
		client: client, log: log, hub: h,
		wanted: map[string]Key{}, dirty: make(chan struct{}, 1), outbox: make(chan outgoing, 8192),
	}
}

func channelOf(key Key) string { return channelPrefix + key.Kind + ":" + key.ID.String() }

func keyOf(channel string) (Key, bool) {
	kind, id, ok := strings.Cut(strings.TrimPrefix(channel, channelPrefix), ":")
	if !ok {
		return Key{}, false
	}
	row, err := uuid.Parse(id)
	return Key{Kind: kind, ID: row}, err == nil
}

func (b *bus) isDown() bool { return b.down.Load() }

func (b *bus) subscribe(key Key) {
	b.mu.Lock()
	b.wanted[channelOf(key)] = key
	b.mu.Unlock()
	b.changed()
}

func (b *bus) unsubscribe(key Key) {
	b.mu.Lock()
	delete(b.wanted, channelOf(key))
	b.mu.Unlock()
	b.changed()
}

func (b *bus) changed() {
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// publish queues updates; with a full queue they are left to the sweep of the other nodes.
func (b *bus) publish(key Key, updates []Update) {
	channel := channelOf(key)
	for _, u := range updates {
		select {
		case b.outbox <- outgoing{channel, u.encode()}:
		default:
			unsentUpdates.Inc()
		}
	}
}

// send publishes what is queued, many in one round trip.
func (b *bus) send(ctx context.Context) {
	for {
		var first outgoing
		select {
		case <-ctx.Done():
			return
		case first = <-b.outbox:
		}
		pipe := b.client.Pipeline()
		pipe.Publish(ctx, first.channel, first.payload)
		for more := true; more && pipe.Len() < 256; {
			select {
			case o := <-b.outbox:
				pipe.Publish(ctx, o.channel, o.payload)
			default:
				more = false
			}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			b.noteDown(ctx, err)
		} else {
			b.noteUp()
		}
	}
}

// listen receives until the context ends, over as many connections as it takes.
func (b *bus) listen(ctx context.Context) {
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		start := time.Now()
		err := b.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		b.noteDown(ctx, err)
		if time.Since(start) > 5*time.Second {
			wait = 50 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Second)
	}
}

// listenOnce receives on one connection until it breaks. Every confirmed subscription is followed by a
// check, because what was published before it is not repeated.
func (b *bus) listenOnce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A channel of its own proves the connection also while nobody subscribes to anything.
	ps := b.client.Subscribe(ctx, channelPrefix+"here")
	defer func() { _ = ps.Close() }()
	// Receiving does not heed the context: closing ends it at once.
	defer context.AfterFunc(ctx, func() { _ = ps.Close() })()
	confirmed := make(chan *stream, 4096)
	var done sync.WaitGroup
	defer done.Wait()
	done.Go(func() { b.reconcile(ctx, ps) })
	done.Go(func() { b.checkConfirmed(ctx, confirmed) })
	defer cancel()

	const silence = 3 * time.Second
	pinged := false
	for {
		msg, err := ps.ReceiveTimeout(ctx, silence)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil {
			if pinged {
				return errors.New("Redis does not answer a ping")
			}
			if err := ps.Ping(ctx); err != nil {
				return err
			}
			pinged = true
			continue
		}
		if err != nil {
			return err
		}
		pinged = false
		b.noteUp()
		switch msg := msg.(type) {
		case *redis.Message:
			b.take(msg)
		case *redis.Subscription:
			key, ok := keyOf(msg.Channel)
			if s := b.hub.lookup(key); ok && s != nil && msg.Kind == "subscribe" {
				select {
				case confirmed <- s:
				default: // the sweep comes by
				}
			}
		}
	}
}

func (b *bus) take(msg *redis.Message) {
	receivedUpdates.Inc()
	key, ok := keyOf(msg.Channel)
	if !ok {
		return
	}
	s := b.hub.lookup(key)
	if s == nil {
		return
	}
	if b.takeSignal(s, []byte(msg.Payload)) {
		return
	}
	u, err := decodeUpdate([]byte(msg.Payload))
	if err != nil {
		b.log.Warn("Redis carried something that is no update", "channel", msg.Channel)
		return
	}
	s.offer(u)
}

// reconcile subscribes to what is wanted and not yet subscribed, and the other way round.
func (b *bus) reconcile(ctx context.Context, ps *redis.PubSub) {
	have := map[string]bool{}
	for {
		var more, less []string
		b.mu.Lock()
		for channel := range b.wanted {
			if !have[channel] {
				more = append(more, channel)
				have[channel] = true
			}
		}
		for channel := range have {
			if _, ok := b.wanted[channel]; !ok {
				less = append(less, channel)
				delete(have, channel)
			}
		}
		b.mu.Unlock()
		// An error breaks the connection, which the receiving side sees too.
		if len(more) > 0 {
			_ = ps.Subscribe(ctx, more...)
		}
		if len(less) > 0 {
			_ = ps.Unsubscribe(ctx, less...)
		}
		select {
		case <-ctx.Done():
			return
		case <-b.dirty:
		}
	}
}

// checkConfirmed checks the streams whose subscription was confirmed, all that wait in one statement.
func (b *bus) checkConfirmed(ctx context.Context, confirmed <-chan *stream) {
	for {
		var batch []*stream
		select {
		case <-ctx.Done():
			return
		case s := <-confirmed:
			batch = append(batch, s)
		}
		for more := true; more && len(batch) < 1000; {
			select {
			case s := <-confirmed:
				batch = append(batch, s)
			default:
				more = false
			}
		}
		for _, s := range b.hub.checkAll(ctx, batch, confirmFinds) {
			s.verify() // each waits by itself
		}
	}
}

// noteDown says once that Redis is away.
func (b *bus) noteDown(ctx context.Context, err error) {
	if ctx.Err() == nil && !b.down.Swap(true) {
		b.log.Warn("Redis is away: updates of other nodes come by the sweep until it is back", "error", err)
	}
}

func (b *bus) noteUp() {
	if b.down.Swap(false) {
		b.log.Info("Redis is back")
	}
}
