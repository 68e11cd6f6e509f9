package transport_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/convenehq/convene/graph/transport"
)

// A client that is behind gets the rest of a message before anything else: an answer to its ping in the midst would
// make nonsense of both.
func TestAnAnswerToAPingDoesNotTearAMessage(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	message, pong := bytes.Repeat([]byte("m"), 16<<20), []byte{0x8a, 0} // more than a system holds for a socket
	for range 5 {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		try, rest, control := transport.WholeConn(server)
		n, err := try(message)
		if err != nil || n == 0 || n == len(message) {
			t.Fatalf("%d bytes were taken at once, %v", n, err)
		}
		written := make(chan error, 2)
		go func() {
			_, err := control.Write(pong)
			written <- err
		}()
		for range 1000 {
			runtime.Gosched()
		}
		go func() { written <- rest(message[n:]) }()
		got := make([]byte, len(message)+len(pong))
		if _, err := io.ReadFull(client, got); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
		if at := bytes.Index(got, pong); at != len(message) {
			t.Fatalf("the answer came after %d bytes of a message of %d", at, len(message))
		}
		_ = client.Close()
		_ = server.Close()
	}
}
