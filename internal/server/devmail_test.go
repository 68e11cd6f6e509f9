package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMailPages(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	box := mail.NewMailbox(testkit.Open(t, url))
	quiet := slog.New(slog.DiscardHandler)
	h := server.Routes(server.Options{Config: development, Mailbox: box, Log: quiet})
	const host = "127.0.0.1:8080"
	if w := get(t, h, host, "/dev/mail"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Nothing yet") {
		t.Fatalf("the empty box answers %d:\n%s", w.Code, w.Body)
	}
	const evil = `<script>alert(1)</script>`
	for _, subject := range []string{"first", evil} {
		err := box.Send(t.Context(), mail.Message{
			ID: subject, To: mail.Recipient{Name: evil, Address: "ada@example.com"},
			Subject: subject, Text: "text " + evil, HTML: "<html><head></head><p>" + evil,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("programs read the mails, on every node", func(t *testing.T) {
		other := server.Routes(server.Options{Config: development, Mailbox: mail.NewMailbox(testkit.Open(t, url)), Log: quiet})
		var got struct{ Mails []mail.Received }
		if err := json.Unmarshal(get(t, other, host, "/dev/mail.json").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Mails) != 2 || got.Mails[0].Subject != evil || got.Mails[1].To != "ada@example.com" {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("what mails say is text on the page", func(t *testing.T) {
		for _, path := range []string{"/dev/mail", "/dev/mail?id=2", "/dev/mail/templates", "/dev/mail/templates?name=mail.test"} {
			w := get(t, h, host, path)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "<script") {
				t.Errorf("%s answers %d:\n%s", path, w.Code, w.Body)
			}
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s has the policy %s", path, csp)
			}
		}
		if page := get(t, h, host, "/dev/mail?id=2").Body.String(); !strings.Contains(page, `src="/dev/mail/html?id=2"`) || !strings.Contains(page, "sandbox=") {
			t.Errorf("the page has no frame for the mail:\n%s", page)
		}
	})
	t.Run("the gallery shows every template at once", func(t *testing.T) {
		page := get(t, h, host, "/dev/mail/templates").Body.String()
		for _, name := range mail.Templates() {
			if !strings.Contains(page, `<iframe src="/dev/mail/templates/html?name=`+name+`"`) {
				t.Errorf("it lacks %s", name)
			}
		}
	})
	t.Run("the HTML of a mail is in a sandbox, wherever it is opened", func(t *testing.T) {
		for _, path := range []string{"/dev/mail/html?id=2", "/dev/mail/templates/html?name=mail.test"} {
			w := get(t, h, host, path)
			csp := w.Header().Get("Content-Security-Policy")
			if w.Code != http.StatusOK || !strings.Contains(csp, "; sandbox allow-popups ") || strings.Contains(csp, "allow-scripts") || strings.Contains(csp, "script-src") {
				t.Errorf("%s answers %d with %s", path, w.Code, csp)
			}
		}
	})
	t.Run("what is not there is not found, and nobody comes by another name", func(t *testing.T) {
		for _, path := range []string{"/dev/mail/html?id=9", "/dev/mail/templates/html?name=x", "/dev/mail/nothing"} {
			if w := get(t, h, host, path); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
		for _, path := range []string{"/dev/mail", "/dev/mail.json", "/dev/mail/html?id=2", "/dev/mail/templates"} {
			if w := get(t, h, "rebound.example", path); w.Code != http.StatusForbidden {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
	})
	t.Run("production has none of it", func(t *testing.T) {
		prod := server.Routes(server.Options{Config: production, Mailbox: box, Log: quiet})
		for _, path := range []string{"/dev/mail", "/dev/mail.json", "/dev/mail/html?id=2", "/dev/mail/templates", "/dev/mail/mail.css"} {
			if w := get(t, prod, host, path); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
	})
}
