package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/convenehq/convene/internal/testkit"
)

// cluster is a Redis Cluster of three servers.
type cluster struct {
	// mu lets one thing be done with the servers at a time.
	mu        sync.Mutex
	servers   *testkit.RedisCluster
	addresses []string
	isStopped bool
}

func (r *cluster) start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servers == nil {
		servers, err := testkit.StartRedisCluster(ctx)
		if err != nil {
			return err
		}
		u, err := url.Parse(servers.URL())
		if err != nil {
			return errors.Join(err, servers.Close())
		}
		r.servers, r.addresses = servers, append([]string{u.Host}, u.Query()["addr"]...)
		return nil
	}
	for i := range r.addresses {
		if err := r.servers.Restart(ctx, i); err != nil {
			return err
		}
	}
	r.isStopped = false
	return nil
}

func (r *cluster) stop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servers == nil || r.isStopped {
		return nil
	}
	r.isStopped = true
	var errs []error
	for i := range r.addresses {
		errs = append(errs, r.servers.Kill(i))
	}
	return errors.Join(errs...)
}

// close stops the servers for good and deletes what they have.
func (r *cluster) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servers == nil {
		return nil
	}
	return r.servers.Close()
}

func (r *cluster) dialers() (all []dialer) {
	for _, address := range r.addresses {
		all = append(all, func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		})
	}
	return all
}

func (r *cluster) tell(ctx context.Context, words ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isStopped {
		return nil
	}
	args := make([]any, len(words))
	for i, w := range words {
		args[i] = w
	}
	var errs []error
	for i := range r.addresses {
		errs = append(errs, r.servers.Do(ctx, i, args...))
	}
	return errors.Join(errs...)
}

// move gives a partition's slot to the next server.
func (r *cluster) move(ctx context.Context, partition int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isStopped {
		return nil
	}
	owner, err := r.servers.Owner(ctx, partition)
	if err == nil {
		err = r.servers.Move(ctx, partition, (owner+1)%len(r.addresses))
	}
	if err != nil {
		return fmt.Errorf("move a slot: %w", err)
	}
	return nil
}

// readdress makes, of what a server of the cluster says, what it would say if the proxies were the servers: where
// slots are, and where one has moved.
func readdress(addresses []string, proxies []*proxy) func([]byte) []byte {
	var pairs [][2][]byte
	for i, address := range addresses {
		from, to := portOf(address), portOf(proxies[i].address())
		pairs = append(pairs,
			[2][]byte{[]byte("127.0.0.1\r\n:" + from + "\r\n"), []byte("127.0.0.1\r\n:" + to + "\r\n")},
			[2][]byte{[]byte("127.0.0.1:" + from + "\r\n"), []byte("127.0.0.1:" + to + "\r\n")})
	}
	return func(value []byte) []byte {
		if value[0] != '*' && value[0] != '-' {
			return value
		}
		for _, pair := range pairs {
			value = bytes.ReplaceAll(value, pair[0], pair[1])
		}
		return value
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
