package server_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/server"
)

// The frames of HTTP/2 that these tests write or look at.
const (
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	frameGoAway   = 7

	endStream, endHeaders = 1, 4
	preface               = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func frameOf(kind, flags byte, stream uint32, payload []byte) []byte {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// getOf is a request's head in HPACK: GET, http, and path and authority in plain text.
func getOf(path string) []byte {
	head := append([]byte{0x82, 0x86, 0x04, byte(len(path))}, path...)
	return append(append(head, 0x01, 1), 'a')
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	address := listening(t, func(o *server.Options) {
		o.Patience = quick
		o.Patience.Idle = time.Minute
	})

	t.Run("a proxy may speak it without TLS", func(t *testing.T) {
		t.Parallel()
		var spoken http.Protocols
		spoken.SetUnencryptedHTTP2(true)
		through := &http.Transport{Protocols: &spoken}
		defer through.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := through.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK || response.Header.Get("X-Request-Id") == "" {
			t.Errorf("got %s %s", response.Proto, response.Status)
		}
	})

	t.Run("who is silent and answers no ping is let go", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, address)
		if _, err := conn.Write(append([]byte(preface), frameOf(frameSettings, 0, 0, nil)...)); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, conn)
	})

	t.Run("who resets requests as fast as they can is sent away, and the others are served", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, address)
		gone := make(chan error, 1)
		go func() { gone <- goneAway(conn) }()
		before := runtime.NumGoroutine()
		flood := bytes.NewBuffer(append([]byte(preface), frameOf(frameSettings, 0, 0, nil)...))
		var most int
		for i := range uint32(50_000) {
			flood.Write(frameOf(frameHeaders, endStream|endHeaders, 2*i+1, getOf("/readyz")))
			flood.Write(frameOf(frameReset, 0, 2*i+1, []byte{0, 0, 0, 8}))
			if i%500 != 0 {
				continue
			}
			if _, err := flood.WriteTo(conn); err != nil {
				break
			}
			most = max(most, runtime.NumGoroutine()-before)
		}
		select {
		case err := <-gone:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("nobody has sent it away")
		}
		if most > 1500 { // 250 at once, and those of the tests beside
			t.Errorf("%d goroutines ran for it", most)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	})
}

// goneAway reads frames until the server says that it has had enough, or closes the connection.
func goneAway(conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	for {
		head := make([]byte, 9)
		_, err := io.ReadFull(conn, head)
		if err == nil {
			_, err = io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2]))
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("the connection is still open: %w", err)
		case err != nil, head[3] == frameGoAway:
			return nil //nolint:nilerr // it is closed
		}
	}
}
