package mail_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/testkit"
)

// These make this program the node of TestKill that gets killed, on a database and with a mail server.
const mortalDatabase, mortalServer = "MAIL_TEST_DATABASE", "MAIL_TEST_SERVER"

// What a mortal node says: that it is up, and that it has sent a mail.
const saysUp, saysSent = "up", "sent"

// mortal is a node that writes something down and posts a letter about it, again and again, and sends what was posted,
// until it is killed.
func mortal(databaseURL, address string) error {
	ctx := context.Background()
	d, err := db.Open(ctx, databaseURL, db.Options{MaxConns: 8})
	if err != nil {
		return err
	}
	jobs, err := job.New(d, job.Options{Backoff: func(int) time.Duration { return 10 * time.Millisecond }})
	if err != nil {
		return err
	}
	smtp, err := mail.NewSMTP("smtp://"+address, "hello@convene.example")
	if err != nil {
		return err
	}
	mailer, err := mail.New(jobs, mail.Options{Sender: telling{smtp}, URL: "https://convene.example", From: "hello@convene.example"})
	if err != nil {
		return err
	}
	if err := jobs.Start(ctx); err != nil {
		return err
	}
	fmt.Println(saysUp)
	for {
		whom := uuid.NewString() + "@example.com"
		err := d.Tx(ctx, func(tx *ent.Tx) error {
			if _, err := tx.ExecContext(ctx, "INSERT INTO noted VALUES ($1)", whom); err != nil {
				return err
			}
			_, err := mailer.Post(ctx, tx, mail.Letter{Template: mail.Test, To: whom})
			return err
		})
		if err != nil {
			return err
		}
		<-time.After(rand.N(60 * time.Millisecond))
	}
}

// telling says when a mail has been sent, and leaves some time before that is written down.
type telling struct{ mail.Sender }

func (s telling) Send(ctx context.Context, m mail.Message) error {
	err := s.Sender.Send(ctx, m)
	if err == nil {
		fmt.Println(saysSent)
		if rand.N(4) == 0 {
			<-time.After(rand.N(20 * time.Millisecond))
		}
	}
	return err
}

// kill starts a mortal node and kills it: while it starts, at any moment of its work, or soon after a mail was sent.
func kill(t *testing.T, databaseURL, address string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), mortalDatabase+"="+databaseURL, mortalServer+"="+address)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	within := func(d time.Duration) { time.AfterFunc(rand.N(d), func() { _ = cmd.Process.Kill() }) }
	end := time.AfterFunc(deadline, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	how, mails := rand.N(10), rand.N(12)
	if how == 0 {
		within(150 * time.Millisecond)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch lines.Text() {
		case saysUp:
			if how < 4 {
				within(400 * time.Millisecond)
			}
		case saysSent:
			if mails--; mails == 0 {
				within(12 * time.Millisecond)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it was not killed, but: %v", err)
	}
}

// A tally is how often a mail came, by whom it is to.
type tally struct {
	mu sync.Mutex
	n  map[string]int
	id map[string]string
}

func (c *tally) follow(t *testing.T, s *server) {
	t.Helper()
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case m := <-s.received:
				c.mu.Lock()
				to, id := m.to[0], m.header.Get("Message-ID")
				if c.n[to]++; c.n[to] > 1 && c.id[to] != id {
					t.Errorf("the double to %s has another Message-ID", to)
				}
				c.id[to] = id
				c.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
}

func (c *tally) of(whom string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[whom]
}

// Nodes that are killed at whichever moment lose no mail that was posted, send none that was not, and send one twice only
// if the server had taken it and its job was not written off yet.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 15
	if testing.Short() {
		kills = 5
	}
	url := testkit.DatabaseURL(t)
	d := testkit.Open(t, url)
	if _, err := d.SQL.ExecContext(t.Context(), "CREATE TABLE noted (whom text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "")
	came := &tally{n: map[string]int{}, id: map[string]string{}}
	came.follow(t, s)
	between := map[string]int{}
	for range kills {
		kill(t, url, s.address)
		for _, whom := range texts(t, d, "SELECT args->>'to' FROM river_job WHERE state = 'running'") {
			between[whom]++ // the server may have it, or be about to
		}
		// What the next leader does after some minutes.
		if _, err := d.SQL.ExecContext(t.Context(), "UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'running'"); err != nil {
			t.Fatal(err)
		}
	}
	// One that is not killed sends what is left.
	h := node(t, d, sender(t, s.address))
	for end := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
		left, err := h.jobs.List(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("left is %+v", left)
		}
	}
	noted := texts(t, d, "SELECT whom FROM noted")
	lost, doubled := 0, 0
	for _, whom := range noted {
		switch n := came.of(whom); {
		case n == 0:
			lost++
		case n > 1+between[whom]:
			t.Errorf("%s came %d times, and may have come %d", whom, n, 1+between[whom])
		default:
			doubled += n - 1
		}
	}
	if lost > 0 || len(came.n) != len(noted) || len(noted) == 0 {
		t.Errorf("of %d mails %d are lost; %d came", len(noted), lost, len(came.n))
	}
	t.Logf("%d kills, %d mails, %d of them twice: the kill came between the server's 250 and the end of the job", kills, len(noted), doubled)
}

func texts(t *testing.T, d *db.DB, query string) (all []string) {
	t.Helper()
	rows, err := d.SQL.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
