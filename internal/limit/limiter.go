package limit

import (
	"cmp"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Kind is what is counted, each with a Rate of its own.
type Kind string

// What is counted.
const (
	// Operations is what an account asks for.
	Operations Kind = "account"
	// Requests is what an address asks for, signed in or not.
	Requests Kind = "address"
	// SignIns is how often signing in fails at an address.
	SignIns Kind = "sign_in_address"
	// Logins is how often signing in as somebody fails at an address.
	Logins Kind = "sign_in_login"
	// Registrations is how often somebody registers, or tries to, at an address.
	Registrations Kind = "registration"
	// Links is how often a mail with a link is asked for at an address, by whoever is not signed in.
	Links Kind = "link_address"
)

var kinds = []Kind{Operations, Requests, SignIns, Logins, Registrations, Links}

// Rates are the rates of what is counted. What is missing has no limit.
type Rates map[Kind]Rate

// Options are what a Limiter works with; all of it may be left out.
type Options struct {
	Rates Rates
	// Redis is by which nodes know of each other; nil for a node by itself.
	Redis redis.UniversalClient
	// Most is of how many accounts, addresses and logins a node keeps count: 100,000.
	Most int
	// Clock tells the time; the system's if nil.
	Clock func() time.Time
	Log   *slog.Logger
}

// A Limiter counts.
type Limiter struct {
	rates Rates
	redis redis.UniversalClient
	clock func() time.Time
	log   *slog.Logger
	start time.Time
	parts [parts]part

	stop    chan struct{}
	stopped sync.WaitGroup
}

// New makes a Limiter; Start connects it with those of other nodes.
func New(o Options) *Limiter {
	l := &Limiter{rates: maps.Clone(o.Rates), redis: o.Redis, clock: o.Clock, log: o.Log, stop: make(chan struct{})}
	if l.clock == nil {
		l.clock = time.Now
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	l.start = l.clock()
	for i := range l.parts {
		l.parts[i].most = max(1, cmp.Or(o.Most, 100_000)/parts)
		l.parts[i].used, l.parts[i].tells = map[key]usage{}, o.Redis != nil
	}
	return l
}

// now is the time since the start: it never goes back, whatever happens to the clock.
func (l *Limiter) now() time.Duration { return l.clock().Sub(l.start) }

// A key is whose use is counted.
type key struct {
	kind Kind
	of   [16]byte
}

// take lets somebody have n, or answers how long they have to wait for it.
func (l *Limiter) take(k key, n int) (wait time.Duration) {
	rate := l.rates[k.kind]
	if rate.isNone() {
		return 0
	}
	p := l.partOf(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	now, cost := l.now(), rate.cost(n)
	u := p.used[k]
	if u.back, wait = rate.take(u.back, now, cost); wait > 0 {
		return wait
	}
	p.note(k, u, cost, now)
	return 0
}

// giveBack undoes a take.
func (l *Limiter) giveBack(k key, n int) {
	rate := l.rates[k.kind]
	if rate.isNone() {
		return
	}
	p := l.partOf(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if u, known := p.used[k]; known {
		u.back -= rate.cost(n)
		p.note(k, u, -rate.cost(n), l.now())
	}
}

// takeAll takes from each or from none.
func (l *Limiter) takeAll(n int, keys ...key) (refusing key, wait time.Duration) {
	for i, k := range keys {
		if wait = l.take(k, n); wait > 0 {
			for _, taken := range keys[:i] {
				l.giveBack(taken, n)
			}
			return k, wait
		}
	}
	return key{}, 0
}

// parts is by how many locks the count is kept.
const parts = 16

// A part is what is counted under one lock.
type part struct {
	mu     sync.Mutex
	most   int
	tells  bool // whether there is a Redis to tell
	used   map[key]usage
	untold []key // whose use Redis has not been told of
}

// A usage is what somebody has used.
type usage struct {
	back   time.Duration // when all of it is back
	untold time.Duration // what Redis has not been told of, as the time that it takes to come back
}

func (l *Limiter) partOf(k key) *part {
	// Ids begin with the time and addresses with their network: the last bytes differ.
	return &l.parts[(k.of[15]^k.of[7])%parts]
}

// note keeps what somebody has used.
func (p *part) note(k key, u usage, change, now time.Duration) {
	if p.tells && change != 0 {
		if u.untold == 0 {
			p.untold = append(p.untold, k)
		}
		u.untold += change
	}
	if _, known := p.used[k]; !known && len(p.used) >= p.most {
		p.forgetOne(now)
	}
	p.used[k] = u
}

// forgetOne makes room: of a few, the one that has used least. Go walks through maps in any order.
func (p *part) forgetOne(now time.Duration) {
	var least key
	var back time.Duration
	seen := 0
	for k, u := range p.used {
		if seen == 0 || u.back < back {
			least, back = k, u.back
		}
		if seen++; seen == 8 || back <= now {
			break
		}
	}
	delete(p.used, least)
	forgotten.Inc()
}

// tidy forgets whom all is back to.
func (p *part) tidy(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, u := range p.used {
		if u.back <= now && u.untold == 0 {
			delete(p.used, k)
		}
	}
}
