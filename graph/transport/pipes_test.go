package transport_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// serveInMemory runs the fixture over net.Pipe, for a bubble of synctest: pipes hold nothing, so a
// client that does not read stops the server's writer at once.
func serveInMemory(t *testing.T, options ...option) *fixture {
	t.Helper()
	f := newHandler(options...)
	f.listener = &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: f, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(f.listener)
	}()
	f.url = "http://memory"
	through := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return f.listener.dial() }}
	f.client = &http.Client{Transport: through}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		f.Shutdown(ctx)
		through.CloseIdleConnections()
		_ = server.Close()
		<-ended
	})
	return f
}

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }
