package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/testkit"
)

// A house is a node that sends mails, from convene.example.
type house struct {
	t      *testing.T
	db     *db.DB
	jobs   *job.Queue
	mailer *mail.Mailer
	to     mail.Recipient
}

var ada = mail.Recipient{Name: "ada", Address: "ada@example.com"}

// node is a node on a database that sends by a sender; whatever the account, the recipient is Ada.
func node(t *testing.T, d *db.DB, sender mail.Sender) *house {
	t.Helper()
	jobs, err := job.New(d, job.Options{Backoff: func(int) time.Duration { return 20 * time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: d, jobs: jobs, to: ada}
	h.mailer, err = mail.New(jobs, mail.Options{
		Sender: sender, URL: "https://convene.example/", From: "Convene <hello@convene.example>",
		Recipient: func(context.Context, uuid.UUID) (mail.Recipient, error) { return h.to, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) post(l mail.Letter) (id int64) {
	h.t.Helper()
	err := h.db.Tx(h.t.Context(), func(tx *ent.Tx) (err error) {
		id, err = h.mailer.Post(h.t.Context(), tx, l)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) becomes(id int64, want job.State) job.Row {
	h.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		row, err := h.jobs.Find(h.t.Context(), id)
		if err != nil {
			h.t.Fatal(err)
		}
		if row.State == want {
			return row
		}
		if time.Now().After(end) {
			h.t.Fatalf("the job is %s and not %s: %+v", row.State, want, row)
		}
	}
}

func reset() mail.Letter {
	return mail.Letter{Template: mail.PasswordResetByAdmin, Account: uuid.Must(uuid.NewV7())}
}

func sender(t *testing.T, address string) *mail.SMTP {
	t.Helper()
	s, err := mail.NewSMTP("smtp://"+address, "Convene <hello@convene.example>")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestArrival(t *testing.T) {
	t.Parallel()
	server := serve(t, "")
	h := node(t, testkit.DB(t), sender(t, server.address))
	t.Run("a mail arrives in text and HTML, with who it is from and to", func(t *testing.T) {
		id := h.post(reset())
		got := server.next(t)
		if got.from != "hello@convene.example" || len(got.to) != 1 || got.to[0] != "ada@example.com" {
			t.Fatalf("the envelope is from %q to %q", got.from, got.to)
		}
		for header, want := range map[string]string{
			"From": `"Convene" <hello@convene.example>`, "To": `"ada" <ada@example.com>`,
			"Subject": "Your account has a new password", "Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "",
		} {
			if value := got.header.Get(header); value != want {
				t.Errorf("%s is %q, want %q", header, value, want)
			}
		}
		if !strings.HasSuffix(got.header.Get("Message-ID"), "@convene.example>") {
			t.Errorf("Message-ID is %s", got.header.Get("Message-ID"))
		}
		for _, want := range []string{"Hello ada,", "Open Convene: https://convene.example"} {
			if !strings.Contains(got.text, want) {
				t.Errorf("the text lacks %q:\n%s", want, got.text)
			}
		}
		if !strings.Contains(got.html, `<a href="https://convene.example"`) || !strings.Contains(got.html, "All your sessions were signed out") {
			t.Errorf("the HTML is\n%s", got.html)
		}
		h.becomes(id, job.Done)
	})
	t.Run("what is stored with the job names nobody's address", func(t *testing.T) {
		var args string
		if err := h.db.SQL.QueryRowContext(t.Context(), "SELECT args::text FROM river_job").Scan(&args); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(args, "@") || !strings.Contains(args, mail.PasswordResetByAdmin) {
			t.Fatalf("stored is %s", args)
		}
	})
	t.Run("what is rolled back is not sent", func(t *testing.T) {
		changed := errors.New("changed my mind")
		err := h.db.Tx(t.Context(), func(tx *ent.Tx) error {
			if _, err := h.mailer.Post(t.Context(), tx, reset()); err != nil {
				t.Error(err)
			}
			return changed
		})
		if !errors.Is(err, changed) {
			t.Fatalf("got %v", err)
		}
		h.post(mail.Letter{Template: mail.Test, To: "grace@example.com"})
		if got := server.next(t); got.to[0] != "grace@example.com" {
			t.Fatalf("a mail to %s", got.to)
		}
	})
	t.Run("an address that is none, and a template that is none, are refused at once", func(t *testing.T) {
		for _, l := range []mail.Letter{
			{Template: mail.Test, To: "grace"},
			{Template: mail.Test, To: "Grace <grace@example.com>"},
			{Template: mail.Test, To: "grace@example.com\r\nBcc: all@example.com"},
			{Template: "mail.nonsense", To: "grace@example.com"},
		} {
			err := h.db.Tx(t.Context(), func(tx *ent.Tx) error {
				_, err := h.mailer.Post(t.Context(), tx, l)
				return err
			})
			if err == nil {
				t.Errorf("%+v was taken", l)
			}
		}
	})
}

func TestTryingAgain(t *testing.T) {
	t.Parallel()
	t.Run("a server that is away is asked again until it is back", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		h := node(t, testkit.DB(t), sender(t, address))
		id := h.post(reset())
		if row := h.becomes(id, job.Retrying); !strings.Contains(row.LastError, "refused") {
			t.Errorf("the error is %q", row.LastError)
		}
		serve(t, address).next(t)
		h.becomes(id, job.Done)
	})
	t.Run("one that says 451 after it has read the mail gets it again under the same Message-ID", func(t *testing.T) {
		t.Parallel()
		server := serve(t, "")
		server.answer(nil, &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "come back later"})
		h := node(t, testkit.DB(t), sender(t, server.address))
		id := h.post(reset())
		first, second := server.next(t), server.next(t)
		for _, header := range []string{"Message-ID", "Date"} {
			if a, b := first.header.Get(header), second.header.Get(header); a == "" || a != b {
				t.Errorf("%s is %q, and then %q", header, a, b)
			}
		}
		if row := h.becomes(id, job.Done); row.Attempt != 2 || !strings.Contains(row.LastError, "451") {
			t.Errorf("got %+v", row)
		}
	})
	t.Run("one that says 451 to the recipient does too", func(t *testing.T) {
		t.Parallel()
		server := serve(t, "")
		server.answer(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}, nil)
		h := node(t, testkit.DB(t), sender(t, server.address))
		id := h.post(reset())
		server.next(t)
		h.becomes(id, job.Done)
	})
	t.Run("one that says 550 is believed, and the address is not stored", func(t *testing.T) {
		t.Parallel()
		server := serve(t, "")
		server.answer(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<ADA@example.com>: unknown"}, nil)
		h := node(t, testkit.DB(t), sender(t, server.address))
		row := h.becomes(h.post(reset()), job.Discarded)
		if row.Attempt != 1 || !strings.Contains(row.LastError, "550") || strings.Contains(strings.ToLower(row.LastError), "ada@example.com") {
			t.Fatalf("got %+v", row)
		}
	})
	t.Run("a password is not told in the clear, and the mail waits", func(t *testing.T) {
		t.Parallel()
		server := serve(t, "")
		h := node(t, testkit.DB(t), sender(t, "convene:secret@"+server.address))
		row := h.becomes(h.post(reset()), job.Retrying)
		if !strings.Contains(row.LastError, "STARTTLS") || strings.Contains(row.LastError, "secret") {
			t.Fatalf("got %+v", row)
		}
	})
}

func TestNodesSendOnce(t *testing.T) {
	t.Parallel()
	server := serve(t, "")
	url := testkit.DatabaseURL(t)
	one, two := node(t, testkit.Open(t, url), sender(t, server.address)), node(t, testkit.Open(t, url), sender(t, server.address))
	const mails = 20
	var ids []int64
	for i := range mails {
		ids = append(ids, []*house{one, two}[i%2].post(reset()))
	}
	for _, id := range ids {
		one.becomes(id, job.Done)
	}
	seen := map[string]bool{}
	for range mails {
		seen[server.next(t).header.Get("Message-ID")] = true
	}
	if len(seen) != mails || len(server.received) > 0 {
		t.Fatalf("%d of %d mails, and %d besides", len(seen), mails, len(server.received))
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	h := node(t, testkit.DB(t), nil)
	if id := h.post(reset()); id != 0 {
		t.Fatalf("a job %d for a mail that nobody sends", id)
	}
}

// Names and subjects come from people, and must not become headers.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	server := serve(t, "")
	s := sender(t, server.address)
	for _, evil := range []string{
		"Ada\r\nBcc: everybody@example.com", "Ada\nBcc: everybody@example.com", "Ada\rBcc: everybody@example.com",
		"Ada\r\n\r\nBcc: everybody@example.com", "Ada\u2028Bcc: x@example.com", `Ada" <everybody@example.com>, "Bcc: `,
		"Ада\r\nBcc: everybody@example.com",
	} {
		err := s.Send(t.Context(), mail.Message{
			ID: evil + "@convene.example", Written: time.Now(), To: mail.Recipient{Name: evil, Address: "ada@example.com"},
			Subject: evil, Text: "text", HTML: "<p>html</p>",
		})
		if err != nil {
			t.Fatalf("%q: %v", evil, err)
		}
		got := server.next(t)
		if len(got.to) != 1 || got.to[0] != "ada@example.com" || got.header.Get("Bcc") != "" || got.text != "text" {
			t.Errorf("%q became\n%s", evil, got.raw)
		}
	}
	for _, address := range []string{"ada@example.com\r\nBcc: x@example.com", "ada@example.com>\r\nRCPT TO:<x@example.com", "", "ada"} {
		err := s.Send(t.Context(), mail.Message{ID: "1@convene.example", To: mail.Recipient{Address: address}, Subject: "s", Text: "t", HTML: "h"})
		if !errors.Is(err, mail.ErrRefused) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	one, two := mail.NewMailbox(testkit.Open(t, url)), mail.NewMailbox(testkit.Open(t, url))
	const mails = 205
	for i := range mails {
		if err := one.Send(t.Context(), mail.Message{ID: fmt.Sprint(i), To: ada, Subject: fmt.Sprint("mail ", i), Text: "t", HTML: "<p>h"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.Send(t.Context(), mail.Message{ID: "204", To: ada, Subject: "a double"}); err != nil {
		t.Fatal(err)
	}
	got, err := two.List(t.Context())
	if err != nil || len(got) != 200 || got[0].Subject != "mail 204" || got[0].To != "ada@example.com" || got[199].Subject != "mail 5" {
		t.Fatalf("%d mails, %v", len(got), err)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, name := range mail.Templates() {
		m, err := mail.Sample(name, "https://convene.example")
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string]string{"subject": m.Subject, "text": m.Text, "HTML": m.HTML} {
			if text == "" || strings.Contains(text, "{{") || strings.Contains(text, "<no value>") || strings.Contains(text, "ZgotmplZ") {
				t.Errorf("the %s of %s is %q", what, name, text)
			}
		}
		for _, l := range strings.Split(m.Text, "\n") {
			if len([]rune(l)) > 72 && strings.Contains(l, " ") {
				t.Errorf("the text of %s has a line of %d characters: %s", name, len(l), l)
			}
		}
		if strings.Contains(m.Text, "<") {
			t.Errorf("the text of %s has markup:\n%s", name, m.Text)
		}
	}
}

// What is filled in stays text: no markup, no paragraphs, no links.
func TestWhatIsFilledInIsText(t *testing.T) {
	t.Parallel()
	server := serve(t, "")
	h := node(t, testkit.DB(t), sender(t, server.address))
	h.to.Name = "<b>Ada</b>\n\n[Click](https://evil.example) {{.URL}}"
	h.post(reset())
	got := server.next(t)
	if strings.Contains(got.html, "<b>") || !strings.Contains(got.html, "&lt;b&gt;Ada") || strings.Contains(got.html, `"https://evil`) {
		t.Errorf("the HTML is\n%s", got.html)
	}
	if !strings.Contains(got.text, "Hello <b>Ada</b>  [Click]") && !strings.Contains(got.text, "Hello <b>Ada</b> [Click]") {
		t.Errorf("the text is\n%s", got.text)
	}
}

// A server that has said 250 and is gone before the goodbye has the mail.
func TestSentIsSent(t *testing.T) {
	t.Parallel()
	server := serve(t, "")
	server.hangUp = true
	h := node(t, testkit.DB(t), sender(t, server.address))
	row := h.becomes(h.post(reset()), job.Done)
	if row.Attempt != 1 || len(server.received) != 1 {
		t.Fatalf("%d mails, %+v", len(server.received), row)
	}
}
