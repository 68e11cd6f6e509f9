package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

// quick is the patience of a server that is tested for it.
var quick = server.Patience{
	Header: 300 * time.Millisecond, Read: 600 * time.Millisecond, Write: 3 * time.Second, Idle: 500 * time.Millisecond, Ping: 300 * time.Millisecond,
}

// listening is a whole server on a port, and its options.
func listening(t *testing.T, change func(*server.Options)) string {
	t.Helper()
	d := testkit.DB(t)
	o := optionsOn(t, production, d, node.On(t, d, live.Options{}), slog.New(slog.DiscardHandler))
	change(&o)
	return listeningWith(t, o)
}

func listeningWith(t *testing.T, o server.Options) string {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(o)
	served := make(chan error, 1)
	go func() { served <- s.Serve(narrow{l}) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx) // connections of the test's own may still be open
		_ = l.Close()
		if err := <-served; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	return l.Addr().String()
}

// narrow has the system keep little of what a client does not read, or a test would have to send megabytes.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4 << 10)
	}
	return conn, err
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// answersOf are the statuses of all answers on a connection until the server closes it, which it has to.
func answersOf(t *testing.T, conn net.Conn) []int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	var statuses []int
	for {
		response, err := http.ReadResponse(reader, nil)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after %v the connection is still open", statuses)
		}
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		statuses = append(statuses, response.StatusCode)
	}
}

const post = "POST /graphql HTTP/1.1\r\nHost: convene.example\r\nContent-Type: application/json\r\n"

func TestSlowRequests(t *testing.T) {
	t.Parallel()
	address := listening(t, func(o *server.Options) { o.Patience = quick })
	for name, c := range map[string]struct {
		first string
		drip  string // again and again
		want  string
	}{
		"a connection that says nothing":            {"", "", "[]"},
		"a head that never ends":                    {"GET /healthz HTTP/1.1\r\nHost: a\r\n", "X-Slow: 1\r\n", "[]"},
		"half a line":                               {"GET /heal", "", "[400]"},
		"a body, byte by byte":                      {post + "Content-Length: 100000\r\n\r\n", " ", "[408]"},
		"a body in chunks, byte by byte":            {post + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", "[408]"},
		"a body that never comes":                   {post + "Content-Length: 10\r\n\r\n", "", "[408]"},
		"a connection that is idle after a request": {"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "", "[200]"},
		"the preface of HTTP/2 and nothing more":    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", "[]"},
	} {
		t.Run(name+" is given up", func(t *testing.T) {
			t.Parallel()
			conn := connect(t, address)
			if _, err := io.WriteString(conn, c.first); err != nil {
				t.Fatal(err)
			}
			if c.drip != "" {
				go func() {
					ticker := time.NewTicker(20 * time.Millisecond)
					defer ticker.Stop()
					for range ticker.C {
						if _, err := io.WriteString(conn, c.drip); err != nil {
							return
						}
					}
				}()
			}
			if strings.HasPrefix(c.first, "PRI") {
				wantClosed(t, conn)
				return
			}
			if got := fmt.Sprint(answersOf(t, conn)); got != c.want {
				t.Errorf("it is answered %s, want %s", got, c.want)
			}
		})
	}
}

// wantClosed wants the server to close the connection, whatever it says before.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is still open")
	}
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	address := listening(t, func(o *server.Options) { o.Patience = quick })
	const query = `{"query":"{ __typename }"}`
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, c := range map[string]struct {
		request string
		want    string
	}{
		"a head of 1 MB":                  {"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Large: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "[431]"},
		"100,000 headers":                 {"GET /healthz HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 100_000) + "\r\n", "[431]"},
		"a line of 1 MB":                  {"GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: a\r\n\r\n", "[431]"},
		"two lengths":                     {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + query + smuggled, "[400]"},
		"a length with a sign":            {post + "Content-Length: +26\r\n\r\n" + query + smuggled, "[400]"},
		"a negative length":               {post + "Content-Length: -1\r\n\r\n" + query + smuggled, "[400]"},
		"two codings":                     {post + "Transfer-Encoding: chunked, identity\r\n\r\n" + query + smuggled, "[501]"},
		"an unknown coding":               {post + "Transfer-Encoding: xchunked\r\n\r\n" + query + smuggled, "[501]"},
		"a space before the colon":        {post + "Content-Length : 26\r\n\r\n" + query + smuggled, "[400]"},
		"a folded header":                 {post + " Content-Length: 26\r\n\r\n" + query + smuggled, "[415 400]"},
		"a bare carriage return":          {post + "X: a\rContent-Length: 26\r\n\r\n" + query + smuggled, "[400]"},
		"no host":                         {"GET /healthz HTTP/1.1\r\n\r\n", "[400]"},
		"two hosts":                       {"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "[400]"},
		"a chunk of no number":            {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "[400]"},
		"a chunk that ends early":         {post + "Transfer-Encoding: chunked\r\n\r\n3\r\n" + query + smuggled, "[400]"},
		"HTTP of no version":              {"GET /healthz\r\n\r\n", "[400]"},
		"a switch to HTTP/2 that is none": {"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", "[200]"},
	} {
		t.Run(name+" is refused, and nothing is smuggled in behind it", func(t *testing.T) {
			t.Parallel()
			conn := connect(t, address)
			go func() { _, _ = io.WriteString(conn, c.request) }() // the server may not read all of it
			if got := fmt.Sprint(answersOf(t, conn)); got != c.want {
				t.Errorf("it is answered %s, want %s", got, c.want)
			}
		})
	}
	t.Run("a length beside chunks does not count", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, address)
		body := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(query), query)
		go func() {
			_, _ = io.WriteString(conn, post+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"+body)
		}()
		if got := fmt.Sprint(answersOf(t, conn)); got != "[200]" && got != "[400]" {
			t.Errorf("it is answered %s", got)
		}
	})
}

func TestIdleConnections(t *testing.T) {
	t.Parallel()
	address := listening(t, func(o *server.Options) { o.Patience = quick })
	conns := make([]net.Conn, 500)
	for i := range conns {
		conns[i] = connect(t, address)
		if i%2 == 0 {
			if _, err := io.WriteString(conns[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("somebody else is answered %v, %v", response, err)
	}
	_ = response.Body.Close()
	for _, conn := range conns {
		wantClosed(t, conn)
	}
}
