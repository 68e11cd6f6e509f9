package account_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/graph/relay"
	accounts "github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

func TestResetByLink(t *testing.T) {
	t.Parallel()
	t.Run("a new password by the link: signed in, and nobody else is any more", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		other := h.signIn(t, "ada")
		h.forgot(t, address("ada"))
		token := h.link(t, "ada", setNew)
		in, err := h.reset(t, token, newPassword)
		if err != nil {
			t.Fatal(err)
		}
		if in.Viewer.Account() != ada.Viewer.Account() || !h.holds(t, *in.Tokens.AccessToken) {
			t.Error("they are not signed in")
		}
		for _, old := range []*accounts.SignedIn{ada, other} {
			if h.holds(t, *old.Tokens.AccessToken) {
				t.Error("an old session stands")
			}
			h.refuses(t, *old.Tokens.RefreshToken)
		}
		_, err = h.accounts.SignIn(t.Context(), accounts.SignInInput{Login: "ada", Password: goodPassword})
		is(t, err, "WRONG_CREDENTIALS")
		h.mails.Next(t, address("ada"), wasChanged)
		_, err = h.reset(t, token, "yet another horse")
		is(t, err, "LINK_USED")
	})
	t.Run("while the address is unproved: that first, by whichever link, and the other comes by itself", func(t *testing.T) {
		t.Parallel()
		for _, which := range []string{"the first link", "the link that was sent again"} {
			h := mailing(t)
			h.register(t, "ada")
			first := h.link(t, "ada", confirm)
			h.forgot(t, "ada")
			second := h.link(t, "ada", confirmFirst)
			token := map[bool]string{true: first, false: second}[which == "the first link"]
			done, err := h.accounts.VerifyEmail(t.Context(), accounts.VerifyEmailInput{Token: token})
			if err != nil || !done.IsResetSent {
				t.Fatalf("%s: %+v, %v", which, done, err)
			}
			if _, err := h.reset(t, h.link(t, "ada", setNew), newPassword); err != nil {
				t.Errorf("%s: %v", which, err)
			}
		}
	})
	t.Run("whoever did not ask for it, or long ago, gets none with the proof", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		h.verified(t, "ada")
		h.register(t, "grace")
		h.forgot(t, "grace")
		h.mails.Next(t, address("grace"), confirmFirst)
		h.clock.Add(25 * time.Hour)
		in := h.signIn(t, "grace")
		h.mails.Next(t, address("grace"), confirm)
		if _, err := h.accounts.RequestEmailVerification(as(t, in)); err != nil {
			t.Fatal(err)
		}
		if err := h.verify(t, h.link(t, "grace", confirm)); err != nil {
			t.Fatal(err)
		}
		h.mails.Idle(t)
		for _, username := range []string{"ada", "grace"} {
			for _, m := range h.mails.To(address(username)) {
				if m.Subject == setNew {
					t.Errorf("%s got a link", username)
				}
			}
		}
	})
	t.Run("nobody gets a mail for a login that is nobody's, or whose claim has lapsed", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		h.register(t, "ada")
		h.mails.Next(t, address("ada"), confirm)
		h.clock.Add(8 * 24 * time.Hour)
		for _, login := range []string{"nobody", "nobody@example.com", "", "@", "\x00", "ada", address("ada"), strings.Repeat("a", 10_000)} {
			h.forgot(t, login)
		}
		h.mails.Idle(t)
		if n := len(h.mails.To(address("ada"))); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
	t.Run("an address means its proved owner, and while it has none the oldest claim", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		for _, username := range []string{"old", "young"} {
			in := input(username)
			in.Email = address("both")
			if _, err := h.accounts.Register(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			h.clock.Add(time.Minute)
		}
		h.forgot(t, address("both"))
		if m := h.mails.Next(t, address("both"), confirmFirst); m.To.Name != "old" {
			t.Errorf("it went to %s", m.To.Name)
		}
		h.mails.Idle(t)
		for _, m := range h.mails.To(address("both")) {
			if m.To.Name == "young" {
				if err := h.verify(t, node.Token(t, m)); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.forgot(t, address("both"))
		if m := h.mails.Next(t, address("both"), setNew); m.To.Name != "young" {
			t.Errorf("it went to %s", m.To.Name)
		}
	})
	t.Run("a link ends with the password that it is to replace, and of many who use it at once one does", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		h.forgot(t, "ada")
		h.forgot(t, "ada")
		h.mails.Idle(t)
		tokens := []string{h.link(t, "ada", setNew), h.link(t, "ada", setNew)}
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = h.reset(t, tokens[i%2], newPassword) })
		}
		all.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else if got := refusals(t, err); got[0] != "LINK_USED input.token" && got[0] != "LINK_INVALID input.token" {
				t.Errorf("got %v", got)
			}
		}
		if done != 1 {
			t.Errorf("%d did it", done)
		}
		h.forgot(t, "ada")
		third := h.link(t, "ada", setNew)
		if _, err := h.accounts.GivePassword(viewer.AsOperator(t.Context()), accounts.GivePasswordInput{AccountID: idOf(ada)}); err != nil {
			t.Fatal(err)
		}
		_, err := h.reset(t, third, "yet another horse")
		is(t, err, "LINK_INVALID")
	})
	t.Run("a bad password uses nothing up, and a link that is no good costs no hash", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		h.verified(t, "ada")
		h.forgot(t, "ada")
		token := h.link(t, "ada", setNew)
		before := h.accounts.PasswordHashes()
		for _, bad := range []string{"", "short", "ada", address("ada"), strings.Repeat("x", 300)} {
			_, err := h.reset(t, token, bad)
			is(t, err, "PASSWORD_INVALID")
		}
		_, err := h.reset(t, "made up", newPassword)
		is(t, err, "LINK_INVALID")
		if after := h.accounts.PasswordHashes(); after != before {
			t.Errorf("%d passwords were hashed", after-before)
		}
		if _, err := h.reset(t, token, newPassword); err != nil {
			t.Error(err)
		}
	})
	t.Run("a job that is done twice, as when its node was killed, sends nothing twice", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		h.verified(t, "ada")
		eve := input("eve")
		eve.Email = address("ada")
		if _, err := h.accounts.Register(t.Context(), eve); err != nil {
			t.Fatal(err)
		}
		h.forgot(t, "ada")
		h.mails.Next(t, address("ada"), setNew)
		h.mails.Next(t, address("ada"), claimed)
		h.mails.Idle(t)
		// All but the mails that went out: those are done once more, under the Message-ID that they had.
		_, err := h.db.SQL.ExecContext(t.Context(), `UPDATE river_job SET state = 'available', finalized_at = NULL, scheduled_at = now()
			WHERE kind NOT LIKE 'mail.%' OR args->>'about' IN (
				SELECT t.id::text FROM one_time_tokens t JOIN accounts a ON a.id = t.account_id WHERE a.username = 'eve')`)
		if err != nil {
			t.Fatal(err)
		}
		h.mails.Idle(t)
		if n := len(h.mails.To(address("ada"))); n != 3 {
			t.Errorf("there are %d mails: %+v", n, h.mails.To(address("ada")))
		}
	})
	t.Run("the banned stay out", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		h.forgot(t, "ada")
		token := h.link(t, "ada", setNew)
		h.mustBan(t, ada)
		_, err := h.reset(t, token, newPassword)
		is(t, err, "ACCOUNT_BANNED")
	})
	t.Run("an admin has a link sent and learns nothing", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada, grace := h.verified(t, "ada"), h.register(t, "grace")
		if _, err := h.accounts.IssuePasswordReset(as(t, grace), accounts.IssuePasswordResetInput{ProfileID: relay.NewID(ent.ProfilePrefix, ada.Viewer.Account())}); err == nil {
			t.Error("somebody who is no admin may")
		}
		for _, of := range []*accounts.SignedIn{ada, grace} {
			_, err := h.accounts.IssuePasswordReset(viewer.AsOperator(t.Context()), accounts.IssuePasswordResetInput{ProfileID: relay.NewID(ent.ProfilePrefix, of.Viewer.Account())})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !h.holds(t, *ada.Tokens.AccessToken) {
			t.Error("it signed her out before she used it")
		}
		m := h.mails.Next(t, address("ada"), setNew)
		if !strings.Contains(m.Text, "an administrator sends you this link") {
			t.Errorf("it says\n%s", m.Text)
		}
		h.clock.Add(23 * time.Hour)
		if _, err := h.reset(t, node.Token(t, m), newPassword); err != nil {
			t.Error(err)
		}
		h.mails.Next(t, address("grace"), confirmFirst)
	})
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	change := func(t *testing.T, h house, in *accounts.SignedIn, to string) {
		t.Helper()
		if _, err := h.accounts.ChangeEmail(as(t, in), accounts.ChangeEmailInput{Email: address(to)}); err != nil {
			t.Fatal(err)
		}
	}
	undo := func(t *testing.T, h house, token string) error {
		t.Helper()
		_, err := h.accounts.UndoEmailChange(t.Context(), accounts.UndoEmailChangeInput{Token: token})
		return err
	}
	t.Run("the new address counts once it is proved, and the old one is told before and after", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		change(t, h, ada, "lovelace")
		h.mails.Next(t, address("ada"), toChange)
		if row := h.row(t, ada); row.Email != address("ada") || *h.accounts.PendingEmail(row) != address("lovelace") {
			t.Errorf("got %v", row)
		}
		h.signIn(t, address("ada"))
		if err := h.verify(t, h.link(t, "lovelace", confirmNew)); err != nil {
			t.Fatal(err)
		}
		h.mails.Next(t, address("ada"), hasChanged)
		if row := h.row(t, ada); row.Email != address("lovelace") || row.EmailVerifiedAt == nil || h.accounts.PendingEmail(row) != nil {
			t.Errorf("got %v", row)
		}
		h.signIn(t, address("lovelace"))
		_, err := h.accounts.SignIn(t.Context(), accounts.SignInInput{Login: address("ada"), Password: goodPassword})
		is(t, err, "WRONG_CREDENTIALS")
	})
	t.Run("the old address takes it back, before and after, and who changed it can not answer in kind", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		change(t, h, ada, "thief")
		before := h.link(t, "ada", toChange)
		if err := h.verify(t, h.link(t, "thief", confirmNew)); err != nil {
			t.Fatal(err)
		}
		change(t, h, ada, "thief2")
		thiefs := h.link(t, "thief", toChange)
		pending := h.link(t, "thief2", confirmNew)
		if err := undo(t, h, before); err != nil {
			t.Fatal(err)
		}
		if row := h.row(t, ada); row.Email != address("ada") || row.EmailVerifiedAt == nil || row.EmailPending != nil {
			t.Errorf("got %v", row)
		}
		if h.holds(t, *ada.Tokens.AccessToken) {
			t.Error("whoever changed it is signed in")
		}
		is(t, undo(t, h, thiefs), "LINK_USED")
		is(t, h.verify(t, pending), "LINK_INVALID")
		if _, err := h.reset(t, h.link(t, "ada", setNew), newPassword); err != nil {
			t.Error(err)
		}
	})
	t.Run("it takes a recent proof of the password", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		h.clock.Add(11 * time.Minute)
		_, err := h.accounts.ChangeEmail(as(t, ada), accounts.ChangeEmailInput{Email: address("x")})
		is(t, err, "REAUTHENTICATION_REQUIRED")
	})
	t.Run("an address of somebody else's is answered alike, and its owner told", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		h.verified(t, "grace")
		change(t, h, ada, "grace")
		h.mails.Next(t, address("grace"), claimed)
		h.mails.Idle(t)
		if n := len(h.mails.To(address("grace"))); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
	t.Run("an unproved address is replaced at once, and its link ends", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.register(t, "ada")
		old := h.link(t, "ada", confirm)
		change(t, h, ada, "lovelace")
		if row := h.row(t, ada); row.Email != address("lovelace") || row.EmailPending != nil {
			t.Errorf("got %v", row)
		}
		is(t, h.verify(t, old), "LINK_INVALID")
		if err := h.verify(t, h.link(t, "lovelace", confirm)); err != nil {
			t.Error(err)
		}
	})
	t.Run("asking for one's own takes it back, a new password and a week do too", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		change(t, h, ada, "x")
		x := h.link(t, "x", confirmNew)
		change(t, h, ada, "ada")
		is(t, h.verify(t, x), "LINK_INVALID")
		change(t, h, ada, "y")
		y := h.link(t, "y", confirmNew)
		h.forgot(t, "ada")
		if _, err := h.reset(t, h.link(t, "ada", setNew), newPassword); err != nil {
			t.Fatal(err)
		}
		is(t, h.verify(t, y), "LINK_INVALID")
		h.clock.Add(2 * time.Hour)
		again, err := h.accounts.SignIn(t.Context(), accounts.SignInInput{Login: "ada", Password: newPassword})
		if err != nil {
			t.Fatal(err)
		}
		change(t, h, again, "z")
		h.clock.Add(8 * 24 * time.Hour)
		if h.accounts.PendingEmail(h.row(t, ada)) != nil {
			t.Error("it is still to come")
		}
		if err := h.accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := h.db.Ent.Account.Query().Where(account.EmailPendingNotNil()).Count(system(t)); err != nil || n != 0 {
			t.Errorf("%d are kept, %v", n, err)
		}
	})
}
