package mail_test

import (
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(mortalDatabase); url != "" {
		fmt.Fprintln(os.Stderr, "a node that was to be killed ended:", mortal(url, os.Getenv(mortalServer)))
		os.Exit(1)
	}
	testkit.Main(m)
}

// deadline is how long a test waits for what should take a second.
const deadline = 30 * time.Second

// received is a mail as a server got it.
type received struct {
	from       string
	to         []string
	header     netmail.Header
	text, html string
	raw        string
}

// server is an SMTP server that keeps what it gets.
type server struct {
	address  string
	received chan received

	mu sync.Mutex
	// rcpt and data are what the next mail is answered with, once each; hangUp ends each connection after the
	// mail.
	rcpt, data error
	hangUp     bool
}

// serve starts a server at an address, or anywhere.
func serve(t *testing.T, address string) *server {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: l.Addr().String(), received: make(chan received, 100)}
	backend := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{t: t, server: s, conn: c}, nil
	}))
	run(t, backend, l)
	return s
}

// run has a server serve until the test ends.
func run(t *testing.T, backend *smtp.Server, l net.Listener) {
	t.Helper()
	backend.Domain = "mx.example.com"
	backend.ErrorLog = log.New(io.Discard, "", 0) // of clients that are killed
	done := make(chan struct{})
	go func() { defer close(done); _ = backend.Serve(l) }()
	t.Cleanup(func() {
		_ = backend.Close()
		_ = l.Close() // if it was not serving yet
		<-done
	})
}

// answer sets what the next mail is answered with: to its recipient, and after it was read.
func (s *server) answer(rcpt, data error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcpt, s.data = rcpt, data
}

func (s *server) next(t *testing.T) received {
	t.Helper()
	select {
	case m := <-s.received:
		return m
	case <-time.After(deadline):
		t.Fatal("no mail came")
		return received{}
	}
}

type session struct {
	t      *testing.T
	server *server
	conn   *smtp.Conn
	mail   received
	sent   bool
}

func (s *session) Logout() error { return nil }

// Reset comes after each mail.
func (s *session) Reset() {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.hangUp && s.sent {
		_ = s.conn.Conn().Close()
	}
	s.mail = received{}
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) (err error) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.mail.to = append(s.mail.to, to)
	err, s.server.rcpt = s.server.rcpt, nil
	return err
}

func (s *session) Data(r io.Reader) (err error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.read(s.t, string(raw))
	s.sent = true
	s.server.received <- s.mail
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	err, s.server.data = s.server.data, nil
	return err
}

// read takes a mail apart.
func (m *received) read(t *testing.T, raw string) {
	t.Helper()
	m.raw = raw
	parsed, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Errorf("the mail can not be read: %v\n%s", err, raw)
		return
	}
	m.header = parsed.Header
	_, parameters, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil {
		t.Errorf("the type of the mail can not be read: %v\n%s", err, raw)
		return
	}
	parts := multipart.NewReader(parsed.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Errorf("a part of the mail can not be read: %v", err)
		}
		text := strings.ReplaceAll(strings.TrimSpace(string(body)), "\r\n", "\n")
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			m.html = text
		} else {
			m.text = text
		}
	}
}
