package transport

import (
	"net"
	"slices"
	"sync"
	"syscall"
)

// A wholeConn is a connection to which each write is one of whole WebSocket frames, so that those who write to it,
// coder/websocket and the link, do not get between each other's.
type wholeConn struct {
	net.Conn
	raw syscall.RawConn // nil if the connection is none of the system's

	mu      sync.Mutex
	written func()
	over    bool // a close frame has left, which is the last

	// torn tells that a frame has left in part, so that mu is held until the rest of it has. It is the session's
	// writer's.
	torn bool
}

func newWholeConn(conn net.Conn) *wholeConn {
	c := &wholeConn{Conn: conn}
	if of, ok := conn.(syscall.Conn); ok {
		c.raw, _ = of.SyscallConn()
	}
	return c
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

// try writes what can be written at once. Behind a part of it nobody writes but the session, who has to write the rest.
func (c *wholeConn) try(frames []byte) (n int, err error) {
	if c.raw == nil || !c.mu.TryLock() { // else somebody waits for the client already
		return 0, nil
	}
	defer func() {
		if !c.torn {
			c.mu.Unlock()
		}
	}()
	if c.over {
		return 0, net.ErrClosed
	}
	n, err = writeAtOnce(c.raw, frames)
	c.torn = err == nil && n > 0 && n < len(frames)
	return n, err
}

// writeAll writes frames, or the rest of those that left in part, and calls progress whenever some of them have left.
func (c *wholeConn) writeAll(frames []byte, progress func()) error {
	if !c.torn {
		c.mu.Lock()
	}
	c.torn = false
	defer c.mu.Unlock()
	if c.over {
		return net.ErrClosed
	}
	for part := range slices.Chunk(frames, batchSize) {
		if _, err := c.Conn.Write(part); err != nil {
			return err
		}
		progress()
	}
	return nil
}

// Write writes what coder/websocket has to say: one control frame.
func (c *wholeConn) Write(p []byte) (int, error) {
	const opcode, closes = 0x0f, 0x08
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.Conn.Write(p)
	if len(p) > 0 && p[0]&opcode == closes {
		c.over = true
		if c.written != nil {
			c.written()
		}
	}
	return n, err
}

// whenClosed calls back once a close frame has left.
func (c *wholeConn) whenClosed(written func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = written
}
