package account_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	accounts "github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

func TestDeactivatedAccounts(t *testing.T) {
	t.Parallel()
	signIn := func(b bench, password string, reactivate bool) (*accounts.SignedIn, error) {
		return b.accounts.SignIn(t.Context(), accounts.SignInInput{Login: "ada", Password: password, Reactivate: reactivate})
	}
	t.Run("a ban holds whoever wants to come back, and who is unbanned stays deactivated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		if _, err := b.accounts.Deactivate(as(t, ada)); err != nil {
			t.Fatal(err)
		}
		b.mustBan(t, ada)
		status := func() accounts.AccountStatus {
			row, err := b.db.Ent.Account.Get(system(t), ada.Viewer.Account())
			if err != nil {
				t.Fatal(err)
			}
			return accounts.StatusOf(row)
		}
		hidden := func() bool {
			row, err := b.db.Ent.Profile.Get(system(t), ada.Viewer.Account())
			return err != nil || row.HiddenAt != nil
		}
		if _, err := signIn(b, goodPassword, true); !slices.Equal(refusals(t, err), []string{"ACCOUNT_BANNED"}) || status() != accounts.StatusBanned || !hidden() {
			t.Errorf("banned: got %v, %s", err, status())
		}
		if _, err := b.accounts.Unban(viewer.AsOperator(t.Context()), accounts.UnbanAccountInput{AccountID: idOf(ada)}); err != nil {
			t.Fatal(err)
		}
		if _, err := signIn(b, goodPassword, false); !slices.Equal(refusals(t, err), []string{"ACCOUNT_DEACTIVATED"}) || status() != accounts.StatusDeactivated || !hidden() {
			t.Errorf("unbanned: got %v, %s", err, status())
		}
		if _, err := signIn(b, goodPassword, true); err != nil || status() != accounts.StatusUnverified || hidden() {
			t.Errorf("back: got %v, %s", err, status())
		}
	})
	t.Run("its tokens, its other session, and a repeated registration are good for nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := input("ada")
		in.IdempotencyKey = new("k")
		ada, err := b.accounts.Register(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		other := b.signIn(t, "ada")
		if _, err := b.accounts.Erase(as(t, ada)); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*accounts.SignedIn{ada, other} {
			if b.holds(t, *s.Tokens.AccessToken) || b.node(t).holds(t, *s.Tokens.AccessToken) {
				t.Error("an access token is taken")
			}
			b.refuses(t, *s.Tokens.RefreshToken)
		}
		_, err = b.accounts.Register(t.Context(), in)
		if got := refusals(t, err); !slices.Equal(got, []string{"ACCOUNT_DEACTIVATED"}) {
			t.Errorf("the repeated registration: got %v", got)
		}
	})
	t.Run("twenty who come back at once are one coming back", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		if _, err := b.accounts.Deactivate(as(t, ada)); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := signIn(b, goodPassword, true); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		var n int
		if err := b.db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM facts WHERE kind = 'account.reactivated'").Scan(&n); err != nil || n != 1 {
			t.Errorf("it is told %d times, %v", n, err)
		}
	})
	t.Run("who is being erased does not come back, and who is back is not erased", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		if _, err := b.accounts.Erase(as(t, ada)); err != nil {
			t.Fatal(err)
		}
		b.clock.Add(14*24*time.Hour - time.Second)
		if err := b.accounts.EraseDue(t.Context()); err != nil || b.count(t, "accounts") != 1 {
			t.Fatalf("a second before its time: %v", err)
		}
		b.clock.Add(time.Second)
		// At the same moment: one of the two happens, and whole.
		var group sync.WaitGroup
		var back error
		group.Go(func() { _, back = signIn(b, goodPassword, true) })
		group.Go(func() {
			if err := b.node(t).accounts.EraseDue(t.Context()); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		if left := b.count(t, "accounts"); (back == nil) != (left == 1) {
			t.Errorf("coming back: %v, and there are %d accounts", back, left)
		}
		if back != nil && !slices.Equal(refusals(t, back), []string{"WRONG_CREDENTIALS"}) {
			t.Errorf("got %v", back)
		}
	})
}

func TestSessionsOverNodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(t)
	ada := b.register(t, "ada")
	b.clock.Add(time.Hour)
	phone := other.signIn(t, "ada")
	list := func(n bench, in *accounts.SignedIn) (ids []string) {
		page, err := n.accounts.Sessions(as(t, in), 20, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, edge := range page.Edges {
			ids = append(ids, edge.Node.ID.String())
		}
		return ids
	}
	if here, there := list(b, ada), list(other, phone); !slices.Equal(here, there) || len(here) != 2 || here[0] != phone.Viewer.Session().String() {
		t.Errorf("one node lists %v, the other one %v", here, there)
	}
	if _, err := other.accounts.Revoke(as(t, phone), accounts.RevokeSessionInput{SessionID: sessionOf(ada)}); err != nil {
		t.Fatal(err)
	}
	if got := list(b, phone); len(got) != 1 {
		t.Errorf("after one was revoked on the other node: %v", got)
	}
	b.refuses(t, *ada.Tokens.RefreshToken)
	if n, err := b.accounts.RevokeAll(as(t, phone)); err != nil || n != 1 {
		t.Errorf("all: %d, %v", n, err)
	}
	other.refuses(t, *phone.Tokens.RefreshToken)
	if n, err := b.accounts.RevokeAll(as(t, phone)); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestNetworkOfASession(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"192.0.2.77/32": "192.0.2.0/24", "2001:db8:1:2::/64": "2001:db8:1::/48", "127.0.0.1/32": "127.0.0.0/24",
	} {
		if got := accounts.NetworkOf(netip.MustParsePrefix(from)); got != want {
			t.Errorf("of %s it keeps %s, want %s", from, got, want)
		}
	}
	if got := accounts.NetworkOf(netip.Prefix{}); got != "" {
		t.Errorf("of nothing it keeps %s", got)
	}
}

func TestMailsOfTheDangerZone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobs, err := job.New(b.db, job.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mailer, err := mail.New(jobs, mail.Options{Sender: mail.NewMailbox(b.db), URL: "https://convene.example", From: "hello@convene.example"})
	if err != nil {
		t.Fatal(err)
	}
	b.accounts = accounts.New(b.db, b.ring, b.profiles, node.Facts(b.db), accounts.Options{Clock: b.clock.Now, Mail: mailer})
	ada := b.register(t, "ada")
	for _, change := range []func() error{
		func() error {
			_, err := b.accounts.ChangeUsername(as(t, ada), accounts.ChangeUsernameInput{Username: "ada.l"})
			return err
		},
		func() error {
			_, err := b.accounts.ChangePassword(as(t, ada), accounts.ChangePasswordInput{NewPassword: goodPassword})
			return err
		},
		func() error { _, err := b.accounts.Deactivate(as(t, ada)); return err },
		func() (err error) {
			ada, err = b.accounts.SignIn(t.Context(), accounts.SignInInput{Login: "ada.l", Password: goodPassword, Reactivate: true})
			return err
		},
		func() error { _, err := b.accounts.Erase(as(t, ada)); return err },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := b.db.SQL.QueryContext(t.Context(), "SELECT args->>'template', args::text FROM river_job ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var got []string
	for rows.Next() {
		var template, args string
		if err := rows.Scan(&template, &args); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(args, "ada") {
			t.Errorf("the job names its person: %s", args)
		}
		got = append(got, template)
	}
	if want := []string{mail.VerifyEmail, mail.UsernameChanged, mail.PasswordChanged, mail.Deactivated, mail.ErasureRequested}; !slices.Equal(got, want) || rows.Err() != nil {
		t.Errorf("the mails are %v, want %v; %v", got, want, rows.Err())
	}
}
