package node

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
)

// patience is how long a test waits for a mail, on a machine with other work.
const patience = 40 * time.Second

// A Box is the mails that a node has sent, instead of a server.
type Box struct {
	jobs *job.Queue
	mu   sync.Mutex
	all  []mail.Message
	// taken are those that a test has had.
	taken map[string]bool
}

// NewBox is the options of accounts whose mails go into a box. Start it once the accounts are there.
func NewBox(t testing.TB, d *db.DB, o account.Options, accounts func() *account.Service) (*Box, account.Options) {
	t.Helper()
	var err error
	b := &Box{taken: map[string]bool{}}
	b.jobs, err = job.New(d, job.Options{Backoff: func(int) time.Duration { return 20 * time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	o.Jobs, o.Links = b.jobs, "https://convene.example/{kind}?token={token}"
	o.Mail, err = mail.New(b.jobs, mail.Options{
		Sender: b, URL: "https://convene.example", From: "Convene <hello@convene.example>",
		Recipient: func(ctx context.Context, id uuid.UUID) (mail.Recipient, error) { return accounts().Recipient(ctx, id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, o
}

// Start has the jobs done until the test ends.
func (b *Box) Start(t testing.TB) {
	t.Helper()
	if err := b.jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// Send implements mail.Sender.
func (b *Box) Send(_ context.Context, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, m)
	return nil
}

// To are all mails to an address, the oldest first.
func (b *Box) To(address string) []mail.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.all), func(m mail.Message) bool { return m.To.Address != address })
}

// Next waits for the next mail to an address with a subject that it has not answered before.
func (b *Box) Next(t testing.TB, address, subject string) mail.Message {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if m, ok := b.take(address, subject); ok {
			return m
		}
		if time.Now().After(end) {
			t.Fatalf("no mail %q came to %s, but %+v", subject, address, b.To(address))
		}
	}
}

func (b *Box) take(address, subject string) (mail.Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.all {
		if m.To.Address == address && m.Subject == subject && !b.taken[m.ID] {
			b.taken[m.ID] = true
			return m, true
		}
	}
	return mail.Message{}, false
}

// Idle waits until every job is done, so that what has not been sent by then is not sent.
func (b *Box) Idle(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		left, err := b.jobs.List(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("jobs are left: %+v", left)
		}
	}
}

var tokenOf = regexp.MustCompile(`[?&]token=([A-Za-z0-9_-]+)`)

// Token is what a mail's link says.
func Token(t testing.TB, m mail.Message) string {
	t.Helper()
	found := tokenOf.FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("the mail has no link:\n%s", m.Text)
	}
	return found[1]
}
