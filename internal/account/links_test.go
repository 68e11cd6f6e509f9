package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/ent"
	accounts "github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/testkit/node"
)

const (
	confirm      = "Confirm your address"
	confirmFirst = "Confirm your address to get a new password"
	setNew       = "Set a new password"
	claimed      = "Somebody gave your address for an account"
	wasChanged   = "Your password was changed"
	confirmNew   = "Confirm your new address"
	toChange     = "Your account is to get another address"
	hasChanged   = "Your account has another address"

	newPassword = "another horse entirely"
)

// house is a bench whose mails arrive.
type house struct {
	bench
	mails *node.Box
}

func mailing(t *testing.T) house {
	t.Helper()
	b := setup(t)
	h := house{bench: b}
	var options accounts.Options
	h.mails, options = node.NewBox(t, b.db, accounts.Options{Clock: b.clock.Now}, func() *accounts.Service { return h.accounts })
	h.accounts = accounts.New(b.db, b.ring, profile.New(b.db, node.Facts(b.db)), node.Facts(b.db), options)
	h.mails.Start(t)
	return h
}

func address(username string) string { return username + "@example.com" }

// link is what the next mail of a subject to somebody says.
func (h house) link(t *testing.T, username, subject string) string {
	t.Helper()
	return node.Token(t, h.mails.Next(t, address(username), subject))
}

func (h house) verify(t *testing.T, token string) error {
	t.Helper()
	_, err := h.accounts.VerifyEmail(t.Context(), accounts.VerifyEmailInput{Token: token})
	return err
}

// verified is somebody who has proved their address.
func (h house) verified(t *testing.T, username string) *accounts.SignedIn {
	t.Helper()
	in := h.register(t, username)
	if err := h.verify(t, h.link(t, username, confirm)); err != nil {
		t.Fatal(err)
	}
	return in
}

func (h house) forgot(t *testing.T, login string) {
	t.Helper()
	if err := h.accounts.RequestPasswordReset(t.Context(), accounts.RequestPasswordResetInput{Login: login}); err != nil {
		t.Fatal(err)
	}
}

func (h house) reset(t *testing.T, token, password string) (*accounts.SignedIn, error) {
	t.Helper()
	return h.accounts.ResetPassword(t.Context(), accounts.ResetPasswordInput{Token: token, NewPassword: password})
}

func (h house) row(t *testing.T, in *accounts.SignedIn) *ent.Account {
	t.Helper()
	row, err := h.db.Ent.Account.Get(system(t), in.Viewer.Account())
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// is holds the only refusal of an error to a code.
func is(t *testing.T, err error, code string) {
	t.Helper()
	if got := refusals(t, err); len(got) != 1 || !strings.HasPrefix(got[0]+" ", code+" ") {
		t.Errorf("got %v, want %s", got, code)
	}
}

func TestVerifyEmail(t *testing.T) {
	t.Parallel()
	h := mailing(t)
	t.Run("an address is proved by the link that was sent there, once", func(t *testing.T) {
		t.Parallel()
		ada := h.register(t, "ada")
		m := h.mails.Next(t, address("ada"), confirm)
		if !strings.Contains(m.Text, "https://convene.example/verify?token=") {
			t.Errorf("the mail says\n%s", m.Text)
		}
		token := node.Token(t, m)
		if err := h.verify(t, token); err != nil {
			t.Fatal(err)
		}
		if row := h.row(t, ada); row.EmailVerifiedAt == nil {
			t.Error("it is not proved")
		}
		is(t, h.verify(t, token), "LINK_USED")
	})
	t.Run("of many who come at once with one link, one is first", func(t *testing.T) {
		t.Parallel()
		h.register(t, "grace")
		token := h.link(t, "grace", confirm)
		errs := make([]error, 20)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = h.verify(t, token) })
		}
		all.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
				continue
			}
			is(t, err, "LINK_USED")
		}
		if done != 1 {
			t.Errorf("%d did it", done)
		}
	})
	t.Run("what is made up, or for something else, is no link", func(t *testing.T) {
		t.Parallel()
		in := h.verified(t, "linus")
		h.forgot(t, "linus")
		reset := h.link(t, "linus", setNew)
		cookie := h.ring.SignCookie(in.Viewer.Session())
		for _, token := range []string{"", "x", reset, reset[:len(reset)-1] + "A", cookie, strings.Repeat("A", 71), "../../etc"} {
			is(t, h.verify(t, token), "LINK_INVALID")
		}
		if _, err := h.reset(t, reset, newPassword); err != nil {
			t.Errorf("and the reset link was hurt: %v", err)
		}
	})
}

func TestLinksEnd(t *testing.T) {
	t.Parallel()
	h := mailing(t)
	ada := h.register(t, "ada")
	first := h.link(t, "ada", confirm)
	h.clock.Add(24*time.Hour - time.Second)
	if _, err := h.accounts.LookAtLink(t.Context(), accounts.KindVerify, first); err != nil {
		t.Fatal(err)
	}
	h.clock.Add(time.Second)
	is(t, h.verify(t, first), "LINK_EXPIRED")
	if _, err := h.accounts.RequestEmailVerification(as(t, ada)); err != nil {
		t.Fatal(err)
	}
	second := h.link(t, "ada", confirm)
	// The clock of a node that is behind makes a link neither younger than it is nor good for longer.
	h.clock.Add(-2 * time.Hour)
	if err := h.verify(t, second); err != nil {
		t.Errorf("a node that is two hours behind refuses it: %v", err)
	}
	h.forgot(t, "ada")
	reset := h.link(t, "ada", setNew)
	h.clock.Add(time.Hour)
	_, err := h.reset(t, reset, newPassword)
	is(t, err, "LINK_EXPIRED")
	h.clock.Add(32 * 24 * time.Hour)
	if err := h.accounts.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "one_time_tokens"); n != 0 {
		t.Errorf("%d links are kept beyond their time", n)
	}
	is(t, h.verify(t, first), "LINK_INVALID")
}

// What the database has, and its jobs, opens nothing.
func TestLinksAreNotAtRest(t *testing.T) {
	t.Parallel()
	h := mailing(t)
	h.verified(t, "ada")
	h.forgot(t, "ada")
	token := h.link(t, "ada", setNew)
	h.mails.Idle(t)
	for _, table := range []string{"one_time_tokens", "river_job", "accounts", "facts", "audit_entries"} {
		var all string
		err := h.db.SQL.QueryRowContext(t.Context(), "SELECT coalesce(string_agg(r::text, ' '), '') FROM "+table+" r").Scan(&all)
		if err != nil {
			t.Fatal(err)
		}
		if all == "" && table != "audit_entries" || strings.Contains(all, token) || strings.Contains(all, token[40:]) {
			t.Errorf("%s has it, or is empty", table)
		}
	}
	var args string
	if err := h.db.SQL.QueryRowContext(t.Context(), "SELECT string_agg(args::text, ' ') FROM river_job").Scan(&args); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(args, "@") || strings.Contains(args, "ada") {
		t.Errorf("the jobs name somebody: %s", args)
	}
}

func TestLinksAreFew(t *testing.T) {
	t.Parallel()
	h := mailing(t)
	ada := h.register(t, "ada")
	again := func(b bench) error {
		_, err := b.accounts.RequestEmailVerification(as(t, ada))
		return err
	}
	for range 4 {
		if err := again(h.bench); err != nil {
			t.Fatal(err)
		}
	}
	var limited *fault.Error
	// Another node, or this one after a restart, counts alike.
	for _, b := range []bench{h.bench, h.node(t)} {
		if err := again(b); !errors.As(err, &limited) || limited.Code != fault.CodeRateLimited || limited.RetryAfter > time.Hour {
			t.Fatalf("got %v", err)
		}
	}
	h.forgot(t, "ada") // is answered, and not done
	h.mails.Idle(t)
	if n := len(h.mails.To(address("ada"))); n != 5 {
		t.Errorf("%d mails", n)
	}
	h.clock.Add(limited.RetryAfter)
	if err := again(h.bench); err != nil {
		t.Error(err)
	}
}
