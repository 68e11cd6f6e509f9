package server_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
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

	t.Run("who resets requests as fast as they can gets no more done at once than others", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, address)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		before := runtime.NumGoroutine()
		flood := bytes.NewBuffer(append([]byte(preface), frameOf(frameSettings, 0, 0, nil)...))
		var most int
		for i := range uint32(20_000) {
			flood.Write(frameOf(frameHeaders, endStream|endHeaders, 2*i+1, getOf("/readyz")))
			flood.Write(frameOf(frameReset, 0, 2*i+1, []byte{0, 0, 0, 8}))
			if i%500 != 0 {
				continue
			}
			if _, err := flood.WriteTo(conn); err != nil {
				break // it was sent away, as it is unless the requests are done that fast
			}
			most = max(most, runtime.NumGoroutine()-before)
		}
		if most > 1500 { // 250 at once, what each of them starts, and the tests beside
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
