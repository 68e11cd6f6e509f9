package persisted

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// life is how long a text is kept after it was last asked for.
	life = 24 * time.Hour
	// patience is how long somebody waits for Redis.
	patience = 250 * time.Millisecond
	// rest is how long Redis is not asked after it did not answer.
	rest = time.Second
	// room is how many bytes of texts a node puts into Redis at once, and in an hour: apps have some hundred
	// operations of some kilobytes, and anybody can send a new text with each request.
	room = 16 << 20
)

// Options is what a Store works with.
type Options struct {
	// Redis is where the texts are.
	Redis redis.UniversalClient
	// Prefix is what stands before the hashes in its keys: "convene:query:".
	Prefix string
	// Log gets that Redis is away; slog's default if nil.
	Log *slog.Logger
	// Clock tells the time; the system's if nil.
	Clock func() time.Time
}

// A Store is the texts that all nodes know.
type Store struct {
	redis  redis.UniversalClient
	prefix string
	log    *slog.Logger
	until  atomic.Int64 // when Redis is asked again, in nanoseconds; 0 while it answers
	clock  func() time.Time

	mu    sync.Mutex
	taken int       // bytes of the room
	asOf  time.Time // when that was so
}

// New makes a Store.
func New(o Options) *Store {
	s := &Store{redis: o.Redis, prefix: o.Prefix, log: o.Log, clock: o.Clock}
	if s.prefix == "" {
		s.prefix = "convene:query:"
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s
}

// Find is the text of a hash; empty if it is not known, or not to be had now.
func (s *Store) Find(ctx context.Context, hash string) (text string) {
	s.ask(ctx, func(ctx context.Context) (err error) {
		text, err = s.redis.GetEx(ctx, s.prefix+hash, life).Result()
		return err
	})
	return text
}

// Keep keeps the text of a hash. One for which there is no room is kept by this node alone: whoever comes
// to another one sends it again.
func (s *Store) Keep(ctx context.Context, hash, text string) {
	if !s.take(len(hash) + len(text)) {
		return
	}
	s.ask(ctx, func(ctx context.Context) error { return s.redis.Set(ctx, s.prefix+hash, text, life).Err() })
}

// take takes room, all of which comes back within an hour, if there is any left.
func (s *Store) take(bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if back := int(room * min(1, now.Sub(s.asOf).Hours())); back > 0 {
		s.taken, s.asOf = max(0, s.taken-back), now
	}
	if s.taken+bytes > room {
		return false
	}
	s.taken += bytes
	return true
}

// ask asks Redis something, unless it has just not answered.
func (s *Store) ask(ctx context.Context, question func(context.Context) error) {
	was := s.until.Load()
	if now := time.Now().UnixNano(); now < was {
		return
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := question(waiting)
	switch {
	case err == nil, errors.Is(err, redis.Nil):
		s.until.Store(0)
	case ctx.Err() != nil: // whoever asked is gone, which says nothing about Redis
	default:
		s.until.Store(time.Now().Add(rest).UnixNano())
		if was == 0 {
			s.log.WarnContext(ctx, "Persisted queries can not be shared: Redis does not answer", "error", err)
		}
	}
}
