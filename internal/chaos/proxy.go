package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// How much of what is published a proxy swallows or holds back, and for how long at most.
const (
	swallowShare = 0.2
	lateShare    = 0.3
	latest       = 400 * time.Millisecond
)

// A proxy stands between one node and a server of Redis. It passes everything on until it is told to swallow what is
// published, to hold it back, to stall, or to cut.
type proxy struct {
	listener net.Listener
	upstream dialer
	// readdress changes what Redis says of where it is; nil for nothing.
	readdress func([]byte) []byte
	done      sync.WaitGroup

	mu        sync.Mutex
	random    *rand.Rand
	isClosed  bool
	swallows  bool
	isLate    bool
	isCut     bool
	open      chan struct{} // closed while it does not stall
	lines     map[*line]struct{}
	passed    int
	swallowed int
	delayed   int
}

// A line is one connection through a proxy.
type line struct {
	client, server net.Conn
	writing        sync.Mutex // to the client
	// hasSubscribed says that something published came over it.
	hasSubscribed bool
}

func newProxy(ctx context.Context, seed uint64, upstream dialer) (*proxy, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a proxy to Redis: %w", err)
	}
	p := &proxy{
		listener: l, upstream: upstream, lines: map[*line]struct{}{}, open: make(chan struct{}),
		random: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // it has to be repeatable
	}
	close(p.open)
	return p, nil
}

// address is what a node takes for that of Redis.
func (p *proxy) address() string { return p.listener.Addr().String() }

// begin lets the node in.
func (p *proxy) begin() { p.done.Go(p.serve) }

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.carry(client) })
	}
}

// carry passes a connection on until one of its ends is gone.
func (p *proxy) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	server, err := p.upstream(ctx)
	cancel()
	if err != nil {
		return
	}
	l := &line{client: client, server: server}
	defer l.cut()
	p.mu.Lock()
	if p.isCut || p.isClosed {
		p.mu.Unlock()
		return
	}
	p.lines[l] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.lines, l)
		p.mu.Unlock()
	}()
	p.done.Go(func() {
		defer l.cut()
		p.up(l)
	})
	p.down(l)
}

func (l *line) cut() { _, _ = l.client.Close(), l.server.Close() }

// up passes on what the node says.
func (p *proxy) up(l *line) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.client.Read(buffer)
		p.pass()
		if n > 0 {
			if _, err := l.server.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// down passes on what Redis says, value by value.
func (p *proxy) down(l *line) {
	from := bufio.NewReader(l.server)
	for {
		value, err := readValue(from)
		if err != nil {
			return
		}
		p.pass()
		switch {
		case isPublished(value):
			wait, isLost := p.judge(l)
			if isLost {
				continue
			}
			if wait > 0 {
				time.AfterFunc(wait, func() { _ = l.write(value) }) // it may be gone by then
				continue
			}
		case p.readdress != nil:
			value = p.readdress(value)
		}
		if l.write(value) != nil {
			return
		}
	}
}

func (l *line) write(value []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := l.client.Write(value)
	return err
}

// pass waits while the proxy stalls.
func (p *proxy) pass() {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	<-open
}

// judge says what becomes of something that was published.
func (p *proxy) judge(l *line) (wait time.Duration, isLost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.hasSubscribed = true
	p.passed++
	switch {
	case p.swallows && p.random.Float64() < swallowShare:
		p.swallowed++
		return 0, true
	case p.isLate && p.random.Float64() < lateShare:
		p.delayed++
		return 1 + time.Duration(p.random.Int64N(int64(latest))), false
	}
	return 0, false
}

// set changes what the proxy does.
func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// stall has nothing pass, with every connection standing; flow ends that.
func (p *proxy) stall() { p.set(func() { p.open = make(chan struct{}) }) }

func (p *proxy) flow() {
	p.set(func() {
		select {
		case <-p.open:
		default:
			close(p.open)
		}
	})
}

// cut ends every connection and takes none until mend.
func (p *proxy) cut() {
	p.set(func() {
		p.isCut = true
		for l := range p.lines {
			l.cut()
		}
	})
}

func (p *proxy) mend() { p.set(func() { p.isCut = false }) }

// cutSubscribed ends the connections over which something published came.
func (p *proxy) cutSubscribed() {
	p.set(func() {
		for l := range p.lines {
			if l.hasSubscribed {
				l.cut()
			}
		}
	})
}

// close ends the proxy and every connection.
func (p *proxy) close() error {
	err := p.listener.Close()
	p.flow()
	p.set(func() { p.isClosed = true })
	p.cut()
	p.done.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close a proxy to Redis: %w", err)
	}
	return nil
}
