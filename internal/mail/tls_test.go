package mail_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/convenehq/convene/internal/mail"
)

// member is a session of a server that wants to know who one is.
type member struct {
	session
	known bool
}

func (*member) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *member) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "convene" || password != "p@ss word" {
			return errors.New("who are you?")
		}
		m.known = true
		return nil
	}), nil
}

func (m *member) Mail(from string, o *smtp.MailOptions) error {
	if !m.known {
		return smtp.ErrAuthRequired
	}
	return m.session.Mail(from, o)
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	// Only its certificate is of use.
	https := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(https.Close)
	for _, scheme := range []string{"smtp", "smtps"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		settings := &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS12}
		s := &server{address: l.Addr().String(), received: make(chan received, 9)}
		backend := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
			return &member{session: session{t: t, server: s, conn: c}}, nil
		}))
		backend.TLSConfig = settings
		if scheme == "smtps" {
			l = tls.NewListener(l, settings)
		}
		run(t, backend, l)
		send := func(password string) error {
			sender, err := mail.NewSMTP(scheme+"://convene:"+password+"@"+s.address, "hello@convene.example")
			if err != nil {
				t.Fatal(err)
			}
			sender.Trust(https.Certificate())
			return sender.Send(t.Context(), mail.Message{ID: "1@convene.example", Written: time.Now(), To: ada, Subject: "s", Text: "t", HTML: "h"})
		}
		if err := send("p%40ss%20word"); err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if got := s.next(t); got.to[0] != ada.Address {
			t.Errorf("%s: a mail to %s", scheme, got.to)
		}
		// A wrong password is a setting's mistake: the mail waits.
		if err := send("wrong"); err == nil || errors.Is(err, mail.ErrRefused) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: a wrong password is answered %v", scheme, err)
		}
		stranger, err := mail.NewSMTP(scheme+"://convene:p%40ss%20word@"+s.address, "hello@convene.example")
		if err != nil {
			t.Fatal(err)
		}
		err = stranger.Send(t.Context(), mail.Message{ID: "2@convene.example", Written: time.Now(), To: ada, Subject: "s", Text: "t", HTML: "h"})
		if err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: an unknown certificate is answered %v", scheme, err)
		}
	}
}
