package persisted

import (
	"context"
	"errors"
	"log/slog"
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
)

// Options is what a Store works with.
type Options struct {
	// Redis is where the texts are.
	Redis redis.UniversalClient
	// Prefix is what stands before the hashes in its keys: "convene:query:".
	Prefix string
	// Log gets that Redis is away; slog's default if nil.
	Log *slog.Logger
}

// A Store is the texts that all nodes know.
type Store struct {
	redis  redis.UniversalClient
	prefix string
	log    *slog.Logger
	until  atomic.Int64 // when Redis is asked again, in nanoseconds; 0 while it answers
}

// New makes a Store.
func New(o Options) *Store {
	s := &Store{redis: o.Redis, prefix: o.Prefix, log: o.Log}
	if s.prefix == "" {
		s.prefix = "convene:query:"
	}
	if s.log == nil {
		s.log = slog.Default()
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

// Keep keeps the text of a hash.
func (s *Store) Keep(ctx context.Context, hash, text string) {
	s.ask(ctx, func(ctx context.Context) error { return s.redis.Set(ctx, s.prefix+hash, text, life).Err() })
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
