package mail_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/mail"
)

// A server that never stops talking is hung up on, long before its words fill the memory.
func TestTalkativeServer(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"an endless line": "220 ", "endless lines": "220-and\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		said := make(chan int, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			total := 0
			for text := []byte(greeting); ; text = []byte(strings.Repeat(greeting, 1<<13)) {
				n, err := c.Write(text)
				if total += n; err != nil || total > 64<<20 {
					said <- total
					return
				}
			}
		}()
		err = sender(t, l.Addr().String()).Send(t.Context(), mail.Message{ID: "1@convene.example", Written: time.Now(), To: ada, Subject: "s", Text: "t", HTML: "h"})
		if err == nil || errors.Is(err, mail.ErrRefused) || !strings.Contains(err.Error(), "more than any mail needs") {
			t.Errorf("%s: it is answered %.200v", name, err)
		}
		if total := <-said; total > 32<<20 { // what the sockets' buffers took is not read
			t.Errorf("%s: it could say %d bytes", name, total)
		}
	}
}
