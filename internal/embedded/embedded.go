package embedded

import (
	"context"
	"fmt"
	"sync"
)

// Options says where private services live and what may be used for them.
type Options struct {
	// Dir is the data folder (CONVENE_DATA), created if missing.
	Dir string
	// PGBin is a folder with initdb and postgres (CONVENE_PG_BIN); it replaces
	// the search.
	PGBin string
	// RedisBin is the path of a redis-server or valkey-server
	// (CONVENE_REDIS_BIN), or "mini" for the one that is built in.
	RedisBin string
	// NeedPG asks for PostgreSQL: false when DATABASE_URL is set.
	NeedPG bool
	// NeedRedis asks for Redis: false when REDIS_URL is set.
	NeedRedis bool
	// Throwaway is for tests: a new folder in memory where there is room, no
	// care for power cuts, everything deleted on Close. Dir is ignored.
	Throwaway bool
	// Log receives progress lines for a person who waits; it may be nil.
	Log func(format string, args ...any)
}

// Services are the running private services.
type Services struct {
	// DatabaseURL reaches the database "convene" as the cluster's superuser; it
	// is empty when PostgreSQL was not asked for.
	DatabaseURL string
	// RedisURL reaches Redis; it is empty when Redis was not asked for.
	RedisURL string
	// PostgresNote says in one sentence which PostgreSQL runs, where and why.
	PostgresNote string
	// RedisNote says in one sentence which Redis runs and why.
	RedisNote string
	// PGBin is the folder of PostgreSQL's programs; it is empty when PostgreSQL
	// was not asked for.
	PGBin string
	// DataDir is where the data really is: Options.Dir, unless the servers'
	// account cannot reach that.
	DataDir string

	site     *site
	postgres *child
	redis    *child
	mini     *miniature
	failed   chan error
	// redisFailed is apart: the end of Redis is no reason to stop.
	redisFailed chan error

	closing  sync.Once
	closeErr error
}

// Start brings up what is asked for and returns when it answers. The context
// bounds the start only: the services run until Close.
func Start(ctx context.Context, o Options) (*Services, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	s := &Services{failed: make(chan error, 2), redisFailed: make(chan error, 2)}
	if err := s.start(ctx, o); err != nil {
		_ = s.Close() // what it could say would only hide why the start failed
		return nil, err
	}
	return s, nil
}

func (s *Services) start(ctx context.Context, o Options) error {
	var redis redisProgram
	if o.NeedRedis {
		var err error
		if redis, err = findRedis(ctx, o.RedisBin); err != nil {
			return err
		}
	}
	if !o.NeedPG && redis.path == "" {
		if o.NeedRedis {
			return s.startMini(redis.why)
		}
		return nil
	}

	if !supported {
		var s search
		s.tried("private services: they need flock and Unix accounts, which this system does not have")
		return s.failed()
	}
	var err error
	if s.site, err = openSite(ctx, o); err != nil {
		return err
	}
	var pg installation
	if o.NeedPG {
		if pg, err = findPostgres(ctx, o, s.site); err != nil {
			return err
		}
	}
	if err := s.site.settle(); err != nil {
		return err
	}
	if err := s.site.stopOrphans(ctx); err != nil {
		return err
	}
	if err := s.site.makeSocketDir(); err != nil {
		return err
	}
	s.DataDir, s.PGBin = s.site.home, pg.bin
	if o.NeedPG {
		if err := s.startPostgres(ctx, pg, o.Throwaway); err != nil {
			return err
		}
	}
	if o.NeedRedis {
		if err := s.startRedis(ctx, redis, o.RedisBin != ""); err != nil {
			return err
		}
	}
	s.watch(s.postgres, s.failed)
	s.watch(s.redis, s.redisFailed)
	// This is what psql and a second instance look for.
	err = s.site.hold.describe(func(h *holder) {
		h.DatabaseURL, h.RedisURL, h.PGBin = s.DatabaseURL, s.RedisURL, pg.bin
	})
	if err != nil {
		return fmt.Errorf("describe the running services: %w", err)
	}
	return nil
}
