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

// plain is a Redis alone.
type plain struct {
	mu sync.Mutex
	// running is nil while it is stopped.
	running *embedded.Services
}

func (r *plain) start(ctx context.Context) error {
	started, err := embedded.Start(ctx, embedded.Options{RedisBin: os.Getenv("CONVENE_REDIS_BIN"), NeedRedis: true, Throwaway: true})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = started
	return nil
}

func (r *plain) stop() error {
	r.mu.Lock()
	running := r.running
	r.running = nil
	r.mu.Unlock()
	if running == nil {
		return nil
	}
	return running.Close()
}

func (r *plain) close() error { return r.stop() }

func (r *plain) dialers() []dialer { return []dialer{r.dial} }

var errStopped = errors.New("Redis is stopped")

// dial opens a connection to the Redis that runs now.
func (r *plain) dial(ctx context.Context) (net.Conn, error) {
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
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

func (r *plain) tell(ctx context.Context, words ...string) error {
	conn, err := r.dial(ctx)
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
