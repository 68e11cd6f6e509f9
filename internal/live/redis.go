package live

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is a client of Redis, for those who only hand it on.
type Redis = redis.UniversalClient

// OpenRedis reads a Redis URL. It does not wait for Redis: everything works without.
func OpenRedis(url string) (Redis, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL can not be read: it looks like redis://user:password@host:6379/0 or unix:///path")
	}
	// The older protocol: with the newer one, pushed messages get lost between replies.
	o.Protocol = 2
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 2*time.Second, 2*time.Second, 2*time.Second
	o.MaxRetries = 1
	redis.SetLogger(silent{}) // what matters is logged once, by the hub
	return redis.NewClient(o), nil
}

type silent struct{}

// Printf implements go-redis's logger.
func (silent) Printf(context.Context, string, ...any) {}
