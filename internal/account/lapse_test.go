package account_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/ent/account"
	accounts "github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/testkit/node"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	t.Run("twenty who give one address at once are twenty claims, and its owner gets one mail", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		h.verified(t, "ada")
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				in := input(fmt.Sprintf("eve.%c", 'a'+i))
				in.Email = address("ada")
				if _, err := h.accounts.Register(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		h.mails.Idle(t)
		n, err := h.db.Ent.Account.Query().Where(account.Email(address("ada")), account.EmailVerifiedAtIsNil()).Count(system(t))
		if err != nil || n != 20 {
			t.Errorf("%d claims, %v", n, err)
		}
		var subjects []string
		for _, m := range h.mails.To(address("ada")) {
			subjects = append(subjects, m.Subject)
		}
		if !slices.Equal(subjects, []string{confirm, claimed}) {
			t.Errorf("the owner got %q", subjects)
		}
	})
	t.Run("an address that nobody owns is not flooded by those who give it", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		for i := range 20 {
			in := input(fmt.Sprintf("eve%d", i))
			in.Email = address("victim")
			if _, err := h.accounts.Register(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		h.mails.Idle(t)
		if n := len(h.mails.To(address("victim"))); n != 10 {
			t.Errorf("it got %d mails", n)
		}
	})
	t.Run("whoever proves an address first has it, and the others have none", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		first, second := input("first"), input("second")
		second.Email = first.Email
		for _, in := range []accounts.RegisterInput{first, second} {
			if _, err := h.accounts.Register(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		h.mails.Idle(t)
		mails := h.mails.To(first.Email)
		if len(mails) != 2 {
			t.Fatalf("%d mails", len(mails))
		}
		if mails[0].To.Name != "first" {
			mails[0], mails[1] = mails[1], mails[0]
		}
		if err := h.verify(t, node.Token(t, mails[1])); err != nil {
			t.Fatal(err)
		}
		is(t, h.verify(t, node.Token(t, mails[0])), "EMAIL_TAKEN")
		h.mails.Idle(t)
		for username, want := range map[string]string{"second": first.Email, "first": ""} {
			row, err := h.db.Ent.Account.Query().Where(account.Username(username)).Only(system(t))
			if err != nil || row.Email != want {
				t.Errorf("%s has %q, %v", username, row.Email, err)
			}
		}
		h.signIn(t, "first") // by the username
		if got := h.signIn(t, first.Email); h.row(t, got).Username != "second" {
			t.Error("the address means somebody else")
		}
	})
	t.Run("both who prove one address at the same moment do not have it", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		for _, username := range []string{"first", "second"} {
			in := input(username)
			in.Email = address("both")
			if _, err := h.accounts.Register(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		h.mails.Idle(t)
		mails := h.mails.To(address("both"))
		errs := make([]error, len(mails))
		var all sync.WaitGroup
		for i, m := range mails {
			all.Go(func() { errs[i] = h.verify(t, node.Token(t, m)) })
		}
		all.Wait()
		if len(errs) != 2 || (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("got %v", errs)
		}
		for _, err := range errs {
			if err != nil {
				is(t, err, "EMAIL_TAKEN")
			}
		}
	})
	t.Run("a claim that nobody proves in a week is forgotten, and can be made anew", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.register(t, "ada")
		h.verified(t, "grace")
		h.clock.Add(7*24*time.Hour + time.Second)
		if err := h.accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		row := h.row(t, ada)
		if row.Email != "" || row.Username != "ada" {
			t.Errorf("left is %v", row)
		}
		_, err := h.accounts.RequestEmailVerification(as(t, ada))
		is(t, err, "EMAIL_MISSING")
		if got := h.signIn(t, "grace@example.com"); h.row(t, got).Email != address("grace") {
			t.Error("what is proved lapsed too")
		}
		ada = h.signIn(t, "ada")
		if _, err := h.accounts.ChangeEmail(as(t, ada), accounts.ChangeEmailInput{Email: "Ada@Example.com"}); err != nil {
			t.Fatal(err)
		}
		h.mails.Next(t, address("ada"), confirm)
		if err := h.verify(t, h.link(t, "ada", confirm)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an address that could end a header is none", func(t *testing.T) {
		t.Parallel()
		h := mailing(t)
		ada := h.verified(t, "ada")
		for _, evil := range []string{
			"a@example.com\r\nBcc: all@example.com", "a@example.com\nBcc: all@example.com", "a@example.com\rTo: x@example.com",
			"a@example.com\x00", "a@example.com,b@example.com", "a@example.com;b@example.com", "<a@example.com>", "A <a@example.com>",
			"a@example.com\u2028Bcc: x@example.com", "\"a\r\n b\"@example.com", "a b@example.com", "a@example.com%0d%0aBcc: x@example.com",
		} {
			_, err := h.accounts.ChangeEmail(as(t, ada), accounts.ChangeEmailInput{Email: evil})
			is(t, err, "EMAIL_INVALID")
			in := input("mallory")
			in.Email = evil
			_, err = h.accounts.Register(t.Context(), in)
			is(t, err, "EMAIL_INVALID")
		}
		h.mails.Idle(t)
		if n := len(h.mails.To(address("ada"))); n != 1 {
			t.Errorf("%d mails went out", n)
		}
	})
}
