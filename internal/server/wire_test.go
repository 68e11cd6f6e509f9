package server_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// A wire leads to an address until it is stalled: then it carries nothing, and tells neither side.
type wire struct {
	address string
	gate    atomic.Pointer[chan struct{}] // open if closed
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{address: l.Addr().String()}
	w.flow()
	t.Cleanup(func() { _ = l.Close(); w.flow() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			for _, conn := range []net.Conn{near, far} {
				_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				_ = conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
			}
			go w.carry(near, far)
			go w.carry(far, near)
		}
	}()
	return w
}

func (w *wire) carry(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	part := make([]byte, 2<<10)
	for {
		n, err := from.Read(part)
		<-*w.gate.Load()
		if _, err2 := io.Copy(to, bytes.NewReader(part[:n])); err != nil || err2 != nil {
			return
		}
	}
}

func (w *wire) stall() {
	shut := make(chan struct{})
	w.gate.Store(&shut)
}

func (w *wire) flow() {
	if open := w.gate.Load(); open != nil {
		select {
		case <-*open:
			return
		default:
			close(*open)
			return
		}
	}
	open := make(chan struct{})
	close(open)
	w.gate.Store(&open)
}
