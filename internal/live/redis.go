package live

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is a client of Redis, for those who only hand it on.
type Redis = redis.UniversalClient

// clusterMark in the scheme of a Redis URL says that it names a node of a cluster.
const clusterMark = "+cluster"

var errRedisURL = errors.New("REDIS_URL can not be read: it looks like redis://user:password@host:6379/0 or unix:///path," +
	" and for a cluster like redis+cluster://user:password@host:6379 or redis://host:6379?addr=other:6379")

// OpenRedis reads a Redis URL. It does not wait for Redis: everything works without. A URL is of a cluster if its
// scheme says so, redis+cluster or rediss+cluster, or if it names further nodes by addr; any of them tells of the
// others.
func OpenRedis(address string) (Redis, error) {
	redis.SetLogger(silent{}) // what matters is logged once, by the hub
	u, err := url.Parse(address)
	if err != nil {
		return nil, errRedisURL
	}
	isCluster := strings.HasSuffix(u.Scheme, clusterMark) || u.Query().Has("addr")
	if u.Scheme = strings.TrimSuffix(u.Scheme, clusterMark); !isCluster {
		return openOne(address)
	}
	// A cluster has one database, and a path would be ignored.
	if u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errRedisURL
	}
	o, err := redis.ParseClusterURL(u.String())
	if err != nil {
		return nil, errRedisURL
	}
	o.Protocol = 2
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisTime, redisTime, redisTime
	return redis.NewClusterClient(o), nil
}

// redisTime is how long Redis may take to answer.
const redisTime = 2 * time.Second

func openOne(address string) (Redis, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errRedisURL
	}
	// The older protocol: with the newer one, pushed messages get lost between replies.
	o.Protocol = 2
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisTime, redisTime, redisTime
	o.MaxRetries = 1
	return redis.NewClient(o), nil
}

type silent struct{}

// Printf implements go-redis's logger.
func (silent) Printf(context.Context, string, ...any) {}
