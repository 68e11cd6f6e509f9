package testkit

import (
	"context"
	"errors"
	"testing"
)

// A RedisServer is a Redis of a test's own, which may be stopped.
type RedisServer struct {
	t       testing.TB
	program string
	server  *clusterServer
}

// OwnRedis starts a Redis that is not part of a cluster, and stops it at the end of the test. The test is skipped
// where there is no program for it.
func OwnRedis(t testing.TB) *RedisServer {
	t.Helper()
	program, err := clusterProgram(t.Context())
	if errors.Is(err, ErrNoCluster) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &RedisServer{t: t, program: program, server: &clusterServer{dir: t.TempDir(), isAlone: true}}
	if err := errors.Join(r.server.takePorts(t.Context()), r.server.open()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Kill()
		_ = r.server.client.Close()
	})
	r.Restart()
	return r
}

// URL is what REDIS_URL is for it.
func (r *RedisServer) URL() string { return "redis://" + r.server.address() }

// Kill ends it at once.
func (r *RedisServer) Kill() {
	r.t.Helper()
	if err := r.server.kill(); err != nil {
		r.t.Errorf("stop Redis: %v", err)
	}
}

// Restart starts it again, empty.
func (r *RedisServer) Restart() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), clusterTime)
	defer cancel()
	if err := r.server.start(ctx, r.program); err != nil {
		r.t.Fatal(err)
	}
}

// Do runs a command.
func (r *RedisServer) Do(args ...any) error { return r.server.client.Do(r.t.Context(), args...).Err() }
