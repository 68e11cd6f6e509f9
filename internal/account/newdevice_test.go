package account_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
)

// outbox keeps what is sent.
type outbox struct {
	mu   sync.Mutex
	sent []mail.Message
}

func (o *outbox) Send(_ context.Context, m mail.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.Subject != "Confirm your address" { // registering has that sent
		o.sent = append(o.sent, m)
	}
	return nil
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sent)
}

// until waits for so many mails, and for none that come after them.
func (o *outbox) until(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := o.count()
		if got == want {
			return
		}
		if got > want || time.Now().After(end) {
			t.Fatalf("%d mails were sent, want %d", got, want)
		}
	}
}

func TestNewDevice(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	ring, err := token.NewRing([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := job.New(d, job.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := &outbox{}
	mailer, err := mail.New(jobs, mail.Options{
		Sender: out, URL: "https://convene.example", From: "convene@convene.example",
		Recipient: func(context.Context, uuid.UUID) (mail.Recipient, error) {
			return mail.Recipient{Name: "ada", Address: "ada@example.com"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	c := &clock{now: time.Now()}
	accounts := account.New(d, ring, profile.New(d, node.Facts(d)), node.Facts(d), account.Options{Clock: c.Now, Mail: mailer})
	t.Cleanup(accounts.Close)
	b := bench{db: d, clock: c, accounts: accounts}

	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
	at := func(address, device string) context.Context { return account.WithDevice(from(t, address), device) }
	if _, err := accounts.Register(at("203.0.113.7", firefox), input("ada")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, address, device, password string
		mails                           int
	}{
		{"where one registered", "203.0.113.7", firefox, goodPassword, 0},
		{"a neighbour in the network", "203.0.113.200", firefox, goodPassword, 0},
		{"a newer version", "203.0.113.7", strings.ReplaceAll(firefox, "142.0", "143.1"), goodPassword, 0},
		{"elsewhere with a wrong password", "198.51.100.1", firefox, "wrong one", 0},
		{"elsewhere", "198.51.100.1", firefox, goodPassword, 1},
		{"elsewhere again", "198.51.100.1", firefox, goodPassword, 1},
		{"another device", "203.0.113.7", "Convene/1.0 (Android 16)", goodPassword, 2},
	} {
		before := out.count()
		if got := b.attempt(at(step.address, step.device), t, "ada", step.password); (got == "in") != (step.password == goodPassword) {
			t.Fatalf("%s: got %s", step.name, got)
		}
		c.Add(time.Second)
		if step.mails > before {
			out.until(t, step.mails)
		}
	}
	out.until(t, 2)
	for i, words := range []string{"Firefox on Linux", "A program on Android"} {
		if m := out.sent[i]; !strings.Contains(m.Text, words) || strings.Contains(m.Text, "198.51") || m.To.Address != "ada@example.com" {
			t.Errorf("got %+v", m)
		}
	}
}
