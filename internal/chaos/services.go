package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

// services are the PostgreSQL and the Redis of a run, which no node owns.
type services struct {
	postgres *embedded.Services

	mu sync.Mutex
	// redis is nil while it is stopped.
	redis *embedded.Services
}

func startServices(ctx context.Context, say func(string, ...any)) (s *services, err error) {
	s = &services{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.postgres, err = embedded.Start(ctx, embedded.Options{
		PGBin: os.Getenv("CONVENE_PG_BIN"), NeedPG: true, Throwaway: true, Log: say,
	})
	if err != nil {
		return s, err
	}
	return s, s.startRedis(ctx)
}

// startRedis starts a Redis, with nothing in it.
func (s *services) startRedis(ctx context.Context) error {
	started, err := embedded.Start(ctx, embedded.Options{RedisBin: os.Getenv("CONVENE_REDIS_BIN"), NeedRedis: true, Throwaway: true})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redis = started
	return nil
}

// stopRedis stops it, and what it had is gone.
func (s *services) stopRedis() error {
	s.mu.Lock()
	running := s.redis
	s.redis = nil
	s.mu.Unlock()
	if running == nil {
		return nil
	}
	return running.Close()
}

var errStopped = errors.New("Redis is stopped")

// dialRedis opens a connection to the Redis that runs now.
func (s *services) dialRedis(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	running := s.redis
	s.mu.Unlock()
	if running == nil {
		return nil, errStopped
	}
	u, err := url.Parse(running.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("read the address of Redis: %w", err)
	}
	var d net.Dialer
	if u.Scheme == "unix" {
		return d.DialContext(ctx, "unix", u.Path)
	}
	return d.DialContext(ctx, "tcp", u.Host)
}

// tellRedis gives Redis a command. A Redis that is stopped need not be told anything.
func (s *services) tellRedis(ctx context.Context, words ...string) error {
	conn, err := s.dialRedis(ctx)
	if errors.Is(err, errStopped) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell Redis %v: %w", words, err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write(command(words...)); err != nil {
		return fmt.Errorf("tell Redis %v: %w", words, err)
	}
	answer, err := readValue(bufio.NewReader(conn))
	if err == nil && answer[0] == '-' {
		err = fmt.Errorf("it answered %.100s", answer)
	}
	if err != nil {
		return fmt.Errorf("tell Redis %v: %w", words, err)
	}
	return nil
}

func (s *services) close() error {
	err := s.stopRedis()
	if s.postgres != nil {
		err = errors.Join(err, s.postgres.Close())
	}
	return err
}
