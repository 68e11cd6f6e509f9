package live

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/internal/gather"
)

// Options are a hub's settings; zero values are usable.
type Options struct {
	// Redis carries updates between nodes; nil for a node alone.
	Redis redis.UniversalClient
	// Epoch names the history of the database; read at start and with every sweep.
	Epoch func(ctx context.Context) (string, error)
	// Sweep is how long a round over all streams takes; 4 s if zero.
	Sweep time.Duration
	// Linger is how long a stream without subscribers is kept; 30 s if zero.
	Linger time.Duration
	// Owed is how many updates are replayed at most; 2000 if zero.
	Owed int
	// Reorder is how long a gap waits for a late neighbour before PostgreSQL is asked; 5 ms if zero.
	Reorder time.Duration
	// Tell is how often, about, a silent subscriber is given a newer cursor; 30 s if zero.
	Tell time.Duration
	// Rings is how many bytes of recent updates the node keeps for those who resume, of all streams together; those
	// of streams that nobody has used for longest go first. 64 MiB if zero.
	Rings int
	// Log takes the few lines an operator should see.
	Log *slog.Logger
}

// personalAtOnce is how many personal streams read PostgreSQL at once to deliver: one change for thousands of people
// must not take all connections from those who ask for something.
const personalAtOnce = 16

// A Hub is a node's side of all streams.
type Hub struct {
	o     Options
	kinds map[string]kind
	bus   *bus
	hands hands
	seed  maphash.Seed
	epoch atomic.Pointer[string]
	// connections counts those that were opened to PostgreSQL, and confirmed is how many of them there were when the
	// epoch was last read.
	connections, confirmed atomic.Uint64
	// sealer seals cursors.
	sealer *sealer
	// personal has a place for each personal stream that delivers.
	personal chan struct{}
	// id tells this node's own signals from those of others.
	id   uuid.UUID
	pace pace
	// refreshing lets one read of the epoch follow the other.
	refreshing sync.Mutex

	shelf shelf

	mu      sync.Mutex
	streams map[Key]*stream
	// roll has the streams once more, as the sweep goes over them.
	roll roll

	stop context.CancelFunc
	done sync.WaitGroup
}

// New makes a hub; Run starts it.
func New(o Options) *Hub {
	if o.Sweep == 0 {
		o.Sweep = 4 * time.Second
	}
	if o.Linger == 0 {
		o.Linger = 30 * time.Second
	}
	if o.Owed == 0 {
		o.Owed = 2000
	}
	if o.Reorder == 0 {
		o.Reorder = 5 * time.Millisecond
	}
	if o.Tell == 0 {
		o.Tell = 30 * time.Second
	}
	if o.Rings == 0 {
		o.Rings = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	h := &Hub{
		o: o, id: uuid.New(), kinds: map[string]kind{}, hands: make(hands), seed: maphash.MakeSeed(), streams: map[Key]*stream{},
		personal: make(chan struct{}, personalAtOnce),
	}
	h.shelf.limit = o.Rings
	h.Seal(make([]byte, 32))
	if o.Redis != nil {
		h.bus = newBus(o.Redis, o.Log, h)
	}
	return h
}

// Seal sets the keys that cursors are sealed with, of 32 bytes each, newest first; before Start. All nodes need the
// same. Without, everybody knows the key.
func (h *Hub) Seal(keys ...[]byte) { h.sealer = newSealer(keys) }

// A Nature is what streams of a kind are like.
type Nature int

// The natures there are.
const (
	// Shared streams tell many subscribers alike what happened, every update once.
	Shared Nature = iota
	// Personal streams tell one person how things stand: of what has changed several times only the last
	// counts, it is shown as it is at that moment, and to this person alone. Nothing of them is kept in memory.
	Personal
)

// A kind is what the hub knows of a kind of stream.
type kind struct {
	source Source
	nature Nature
	heads  *gather.Gatherer[uuid.UUID, Head]
}

// Register says where streams of a kind are read from, and what they are like; before Start.
func (h *Hub) Register(name string, s Source, n Nature) {
	h.kinds[name] = kind{s, n, gather.New(func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Head, error) {
		beyond := make([]Place, len(ids)) // all updates, so that heads come without any
		for i, id := range ids {
			beyond[i] = Place{id, math.MaxInt64}
		}
		readings, err := s.ReadAll(ctx, beyond, 0)
		heads := make(map[uuid.UUID]Head, len(readings))
		for id, r := range readings {
			heads[id] = r.Head
		}
		return heads, err
	})}
}

// IsPersonal tells whether streams of a kind are personal.
func (h *Hub) IsPersonal(name string) bool { return h.kinds[name].nature == Personal }

// Start reads the epoch and begins to listen and to sweep, until Close.
func (h *Hub) Start(ctx context.Context) error {
	epoch, err := h.o.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("start the hub: %w", err)
	}
	h.epoch.Store(&epoch)
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	h.done.Go(func() { h.sweep(ctx) })
	if h.bus != nil {
		h.done.Go(func() { h.bus.run(ctx) })
	}
	return nil
}

// Close stops listening and sweeping. Subscribers are not told: their transports close them.
func (h *Hub) Close() {
	if h.stop != nil {
		h.stop()
	}
	h.done.Wait()
}

// Degraded tells whether updates of other nodes come by the sweep alone, because Redis is away.
func (h *Hub) Degraded() bool { return h.bus != nil && h.bus.isDown() }

// Epoch is the history of the database that cursors belong to now.
func (h *Hub) Epoch() string { return *h.epoch.Load() }

// Reconnected tells the hub that a connection to PostgreSQL was opened: what answers there may be another
// history, so the epoch is read again before the next cursor is judged.
func (h *Hub) Reconnected() { h.connections.Add(1) }

// confirmEpoch reads the epoch if there are connections that it was not read since: once for all who come by then.
func (h *Hub) confirmEpoch(ctx context.Context) error {
	if h.confirmed.Load() == h.connections.Load() {
		return nil
	}
	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	if h.confirmed.Load() == h.connections.Load() {
		return nil
	}
	// It is everybody's, and not to be given up in the midst because one of them goes away.
	return h.readEpoch(context.WithoutCancel(ctx))
}

// refreshEpoch reads the epoch.
func (h *Hub) refreshEpoch(ctx context.Context) error {
	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	return h.readEpoch(ctx)
}

// readEpoch reads the epoch, and if it is another one has every subscriber refetch. The caller holds refreshing.
func (h *Hub) readEpoch(ctx context.Context) error {
	connections := h.connections.Load()
	reading, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	epoch, err := h.o.Epoch(reading)
	if err != nil {
		return fmt.Errorf("read the epoch: %w", err)
	}
	if old := h.epoch.Swap(&epoch); *old != epoch {
		h.o.Log.Warn("The database has another history now: every subscriber is told to refetch", "epoch", epoch)
		for some := range slices.Chunk(h.all(), gather.Most) { // their heads are read together
			var restarting sync.WaitGroup
			for _, s := range some {
				restarting.Go(func() { s.restart(ctx, epoch) })
			}
			restarting.Wait()
		}
	}
	h.confirmed.Store(connections)
	return nil
}

// Cursor is a position in this history. Each is sealed anew: that two of them say the same, nobody can tell.
func (h *Hub) Cursor(key Key, seq int64) Cursor {
	return Cursor{Key: key, Epoch: h.Epoch(), Seq: seq, sealer: h.sealer}.salted()
}

// Publish hands on what has been committed: to this node's subscribers at once, to other nodes' through
// Redis. It never waits; what gets lost on the way is found by the next update or the sweep.
func (h *Hub) Publish(key Key, updates ...Update) {
	defer publishing(key, updates).end()
	if s := h.lookup(key); s != nil {
		s.offer(updates...)
	}
	if h.bus != nil {
		h.bus.publish(key, updates)
	}
}

func (h *Hub) lookup(key Key) *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams[key]
}

// acquire returns the stream and counts one more user; release takes that back.
func (h *Hub) acquire(key Key) (*stream, error) {
	k, ok := h.kinds[key.Kind]
	if !ok {
		return nil, fmt.Errorf("find the source of %q: %w", key.Kind, errors.ErrUnsupported)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.streams[key]
	if !ok {
		s = newStream(h, key, k)
		h.streams[key] = s
		h.roll.add(s)
		if h.bus != nil {
			h.bus.subscribe(key) // under the lock, so that the end of a stream before it can't come after
		}
	}
	if s.users++; s.idle != nil {
		s.idle.Stop()
	}
	return s, nil
}

func (h *Hub) release(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.users--
	if s.users > 0 {
		return
	}
	// Whoever reconnects within the linger finds the stream warm.
	if s.idle == nil {
		s.idle = time.AfterFunc(h.o.Linger, func() { h.retire(s) })
		return
	}
	s.idle.Reset(h.o.Linger)
}

// retire ends a stream that nobody has come back to.
func (h *Hub) retire(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.users > 0 || h.streams[s.key] != s {
		return
	}
	h.remove(s)
	if h.bus != nil {
		h.bus.unsubscribe(s.key)
	}
}

// remove takes a stream out. The caller holds mu.
func (h *Hub) remove(s *stream) {
	delete(h.streams, s.key)
	h.roll.remove(s)
	h.shelf.drop(s)
}

// part adds the streams of one part of the sweep to some. The parts are asked for in turn.
func (h *Hub) part(some []*stream, part int) []*stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.roll.take(some, part)
}

// all are all streams.
func (h *Hub) all() []*stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.streams))
}
