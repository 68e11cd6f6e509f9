package transport

import (
	"net"
	"slices"
	"sync"
)

// A corkedConn is a connection that can hold back what is written to it, so that a batch of frames
// leaves in one system call: under load that is most of what a delivery costs.
type corkedConn struct {
	net.Conn

	mu      sync.Mutex
	corked  bool
	held    *[]byte
	written func()
}

// buffers are lent for one batch each: an idle connection holds none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func lend() *[]byte { return buffers.Get().(*[]byte) }

func giveBack(buffer *[]byte) {
	if cap(*buffer) <= 2*batchSize {
		*buffer = (*buffer)[:0]
		buffers.Put(buffer)
	}
}

// cork holds back what is written until uncork.
func (c *corkedConn) cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked, c.held = true, lend()
}

// uncork writes what was held back, and calls progress whenever some of it has left.
func (c *corkedConn) uncork(progress func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held
	c.corked, c.held = false, nil
	defer giveBack(held)
	for part := range slices.Chunk(*held, batchSize) {
		if _, err := c.Conn.Write(part); err != nil {
			return err
		}
		progress()
	}
	return nil
}

// Write writes whole WebSocket frames, or holds them back.
func (c *corkedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.corked {
		*c.held = append(*c.held, p...)
		return len(p), nil
	}
	n, err := c.Conn.Write(p)
	if written := c.written; written != nil {
		c.written = nil
		written()
	}
	return n, err
}

// whenWritten calls back once the next write has left.
func (c *corkedConn) whenWritten(written func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = written
}
