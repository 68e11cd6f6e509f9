package live_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/internal/live"
)

func TestOpenRedis(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url       string
		isCluster bool
	}{
		{"redis://host", false},
		{"redis://user:secret@host:6379/3", false},
		{"rediss://host:6379", false},
		{"unix:///run/redis.sock", false},
		{"redis+cluster://host:7000", true},
		{"rediss+cluster://user:secret@host:7000", true},
		{"redis://host:7000?addr=host:7001&addr=host:7002", true},
		{"redis+cluster://host:7000/?addr=other:7000", true},
	} {
		client, err := live.OpenRedis(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		cluster, isCluster := client.(*redis.ClusterClient)
		if isCluster != c.isCluster {
			t.Errorf("%s: a cluster is %v", c.url, isCluster)
		}
		if isCluster && cluster.Options().Protocol != 2 {
			t.Errorf("%s: the protocol is %d", c.url, cluster.Options().Protocol)
		}
		if isCluster && strings.Contains(c.url, "rediss") != (cluster.Options().TLSConfig != nil) {
			t.Errorf("%s: TLS is %v", c.url, cluster.Options().TLSConfig != nil)
		}
		_ = client.Close()
	}
	for _, url := range []string{"", "host:6379", "redis+cluster://", "redis+cluster://host:7000/3", "unix+cluster:///run/redis.sock", "http://host"} {
		if client, err := live.OpenRedis(url); err == nil {
			_ = client.Close()
			t.Errorf("%q is taken", url)
		}
	}
}
