package account_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func TestBan(t *testing.T) {
	t.Parallel()
	codes := func(t *testing.T, b bench, login, password string) []string {
		t.Helper()
		_, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: login, Password: password})
		return refusals(t, err)
	}
	t.Run("keeps out whoever knows the password, tells only them, and is over with the unban", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		b.mustBan(t, ada)
		for login, want := range map[string]string{"ada": "ACCOUNT_BANNED", "ada@example.com": "ACCOUNT_BANNED", "nobody": "WRONG_CREDENTIALS"} {
			if got := codes(t, b, login, goodPassword); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: got %v", login, got)
			}
		}
		if got := codes(t, b, "ada", "another password"); !slices.Equal(got, []string{"WRONG_CREDENTIALS"}) {
			t.Errorf("a wrong password: got %v", got)
		}
		_, err := b.accounts.Unban(viewer.AsOperator(t.Context()), account.UnbanAccountInput{AccountID: idOf(ada)})
		if err != nil {
			t.Fatal(err)
		}
		b.signIn(t, "ada")
		if b.holds(t, *ada.Tokens.AccessToken) {
			t.Error("the session from before the ban is back")
		}
	})
	t.Run("ends every session: here at once, on another node within a second", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.node(t)
		ada, bob := b.register(t, "ada"), b.register(t, "bob")
		if !other.holds(t, *ada.Tokens.AccessToken) { // remembered from now on
			t.Fatal("it does not stand to begin with")
		}
		b.mustBan(t, ada)
		if b.holds(t, *ada.Tokens.AccessToken) {
			t.Error("the node that banned still takes the token")
		}
		b.refuses(t, *ada.Tokens.RefreshToken)
		b.clock.Add(time.Second)
		if other.holds(t, *ada.Tokens.AccessToken) {
			t.Error("the other node still takes the token after a second")
		}
		sessions := []uuid.UUID{ada.Viewer.Session(), bob.Viewer.Session()}
		stands, err := other.accounts.Standing(t.Context(), sessions)
		if _, bobs := stands[sessions[1]]; err != nil || len(stands) != 1 || !bobs {
			t.Errorf("whose sockets are not cut: %v, %v", stands, err)
		}
	})
	t.Run("refuses a session that a node from before bans opened", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		b.mustBan(t, ada)
		if err := b.db.Ent.AuthSession.UpdateOneID(ada.Viewer.Session()).ClearRevokedAt().Exec(system(t)); err != nil {
			t.Fatal(err)
		}
		if b.holds(t, *ada.Tokens.AccessToken) {
			t.Error("it stands")
		}
	})
	t.Run("holds for a registration that is repeated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := input("ada")
		in.IdempotencyKey = new("key")
		ada, err := b.accounts.Register(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		b.mustBan(t, ada)
		_, err = b.accounts.Register(t.Context(), in)
		if got := refusals(t, err); !slices.Equal(got, []string{"ACCOUNT_BANNED"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("lets no session slip in that was being opened meanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		done := make(chan struct{})
		for range 8 {
			go func() {
				defer func() { done <- struct{}{} }()
				for range 5 {
					_, _ = b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: goodPassword})
				}
			}()
		}
		b.mustBan(t, ada)
		for range 8 {
			<-done
		}
		rows, err := b.accounts.SessionsOf(viewer.AsOperator(t.Context()), idOf(ada))
		if err != nil || len(rows) != 0 {
			t.Errorf("%d sessions stand, %v", len(rows), err)
		}
	})
	t.Run("takes another reason, and no empty, long or broken one", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		ban := func(reason string) (*ent.Account, error) {
			return b.accounts.Ban(viewer.AsOperator(t.Context()), account.BanAccountInput{AccountID: idOf(ada), Reason: reason})
		}
		for _, reason := range []string{"", "  ", strings.Repeat("x", 501), "a\x00b", "\xff"} {
			if _, err := ban(reason); !isFault(err, fault.CodeBadRequest) {
				t.Errorf("%.10q: got %v", reason, err)
			}
		}
		first, err := ban("spam")
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Add(time.Hour)
		second, err := ban(" much spam ")
		if err != nil || *second.BanReason != "much spam" || !second.BannedAt.Equal(*first.BannedAt) {
			t.Errorf("got %v, %v", second, err)
		}
	})
}

func TestOnlyAdminsAndTheOperatorOversee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.register(t, "ada")
	root := b.register(t, "grace").Viewer.WithRole(viewer.RoleAdmin)
	useCases := map[string]func(v viewer.Viewer) error{
		"Find": func(v viewer.Viewer) error {
			_, err := b.accounts.Find(viewer.With(t.Context(), v), "ada")
			return err
		},
		"SessionsOf": func(v viewer.Viewer) error {
			_, err := b.accounts.SessionsOf(viewer.With(t.Context(), v), idOf(ada))
			return err
		},
	}
	for _, name := range []string{"Grant", "Ban", "Unban", "GivePassword", "IssuePasswordReset", "RevokeOf"} {
		useCases[name] = func(v viewer.Viewer) error {
			return auditedUseCases[name].do(t, b, viewer.With(t.Context(), v), ada)
		}
	}
	for name, do := range useCases {
		for who, c := range map[string]struct {
			v    viewer.Viewer
			want fault.Code
		}{
			"nobody":      {viewer.Viewer{}, fault.CodeUnauthenticated},
			"an audience": {viewer.OfAudience(uuid.New(), false), fault.CodeUnauthenticated},
			"oneself":     {ada.Viewer, fault.CodeForbidden},
			"a stranger":  {viewer.OfPerson(uuid.New(), uuid.New()), fault.CodeForbidden},
			"a moderator": {viewer.OfPerson(uuid.New(), uuid.New()).WithRole(viewer.RoleModerator), fault.CodeForbidden},
			"an audience that says it is an admin": {
				viewer.OfAudience(uuid.New(), false).WithRole(viewer.RoleAdmin), fault.CodeUnauthenticated,
			},
		} {
			if err := do(c.v); !isFault(err, c.want) {
				t.Errorf("%s: %s got %v", name, who, err)
			}
		}
	}
	if n := b.count(t, "audit_entries"); n != 0 {
		t.Fatalf("the refused left %d entries", n)
	}
	for name, do := range useCases {
		if err := do(root); err != nil {
			t.Errorf("%s: an admin got %v", name, err)
		}
	}
}
