package presence

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Options are a tracker's settings; zero values are usable.
type Options struct {
	// Redis is what nodes tell each other by; nil for a node alone.
	Redis redis.UniversalClient
	// Tick is how often changes are gathered, told, and asked for; 1 s if zero.
	Tick time.Duration
	// Beat is how often a node without changes says that it lives; 5 s if zero.
	Beat time.Duration
	// Grace is how long somebody stays online without a connection, and with a node that is silent; 30 s if zero.
	Grace time.Duration
	// Prefix begins the names of the keys in Redis; "convene:presence:" if empty.
	Prefix string
	// Log takes the few lines an operator should see.
	Log *slog.Logger
}

// A Tracker is a node's view of who is online.
type Tracker struct {
	o    Options
	id   uuid.UUID // of this node, in this run
	tell func(context.Context, map[uuid.UUID]bool) error
	link link

	mu sync.Mutex
	// here are the people with this node, by their connections. Those who have none any more are leaving, in the order
	// in which they may be gone.
	here    map[uuid.UUID]stay
	leaving []leaver
	// pending are those of them who came and went since Redis was told.
	pending map[uuid.UUID]bool
	// peers are the other nodes.
	peers map[uuid.UUID]*peer
	// touched are those who may have come or gone since the last telling, and whether they were online then.
	touched map[uuid.UUID]bool
	// isKnown tells whether the others' people are; known is when they last were.
	isKnown bool
	known   time.Time

	stop context.CancelFunc
	done sync.WaitGroup
}

// A stay is how many connections somebody has here, and since when they have none.
type stay struct {
	open int
	gone time.Time
}

type leaver struct {
	account uuid.UUID
	at      time.Time
}

// New makes a tracker; Start starts it.
func New(o Options) *Tracker {
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	if o.Beat == 0 {
		o.Beat = 5 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	if o.Prefix == "" {
		o.Prefix = "convene:presence:"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Tracker{
		o: o, id: uuid.New(), link: link{last: "0"}, isKnown: o.Redis == nil,
		here: map[uuid.UUID]stay{}, pending: map[uuid.UUID]bool{}, peers: map[uuid.UUID]*peer{}, touched: map[uuid.UUID]bool{},
	}
}

// Tell says who is to be told, once a tick, who has come online (true) and gone (false) since: often nobody. What it
// answers an error to, it is told again, as it is then. Before Start.
func (t *Tracker) Tell(f func(ctx context.Context, changes map[uuid.UUID]bool) error) { t.tell = f }

// Start begins to gather and to tell, until Close.
func (t *Tracker) Start(ctx context.Context) {
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.done.Go(func() { t.run(ctx) })
}

// Close stops it. Who was here stays online elsewhere for the grace: time enough to come back to another node.
func (t *Tracker) Close() {
	if t.stop != nil {
		t.stop()
	}
	t.done.Wait()
}

// Enter notes that somebody has a connection here, until leave is called.
func (t *Tracker) Enter(account uuid.UUID) (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, isHere := t.here[account]
	if !isHere {
		t.touchLocked(account)
		t.pending[account] = true
	}
	s.open++
	t.here[account] = s
	return sync.OnceFunc(func() { t.leave(account) })
}

func (t *Tracker) leave(account uuid.UUID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.here[account]
	if s.open--; s.open == 0 {
		s.gone = time.Now()
		t.leaving = append(t.leaving, leaver{account, s.gone})
	}
	t.here[account] = s
}

// Online tells who of some people is online; known is false if nobody can tell now.
func (t *Tracker) Online(accounts ...uuid.UUID) (online map[uuid.UUID]bool, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isKnown {
		return nil, false
	}
	online = make(map[uuid.UUID]bool, len(accounts))
	for _, account := range accounts {
		if t.isOnlineLocked(account) {
			online[account] = true
		}
	}
	return online, true
}

// Told tells who of some people is online as far as that has been told, or is being told now: whoever is told this and
// then the changes is told nothing twice.
func (t *Tracker) Told(accounts ...uuid.UUID) map[uuid.UUID]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	online := make(map[uuid.UUID]bool, len(accounts))
	for _, account := range accounts {
		was, isUntold := t.touched[account]
		if isUntold && was || !isUntold && t.isOnlineLocked(account) {
			online[account] = true
		}
	}
	return online
}

func (t *Tracker) isOnlineLocked(account uuid.UUID) bool {
	if _, isHere := t.here[account]; isHere {
		return true
	}
	for _, p := range t.peers {
		if _, isThere := p.people[account]; isThere {
			return true
		}
	}
	return false
}

// touchLocked is called before what may make somebody come or go.
func (t *Tracker) touchLocked(account uuid.UUID) {
	if _, ok := t.touched[account]; !ok {
		t.touched[account] = t.isOnlineLocked(account)
	}
}
