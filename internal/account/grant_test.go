package account_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func TestGrant(t *testing.T) {
	t.Parallel()
	grant := func(t *testing.T, b bench, to *account.SignedIn, role viewer.Role) {
		t.Helper()
		row, err := b.accounts.Grant(viewer.AsOperator(t.Context()), account.GrantRoleInput{AccountID: idOf(to), Role: role})
		if err != nil || row.Role != role {
			t.Fatalf("got %v, %v", row, err)
		}
	}
	roleOf := func(t *testing.T, b bench, in *account.SignedIn) viewer.Role {
		t.Helper()
		v, _, err := b.accounts.Authenticate(t.Context(), *in.Tokens.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		return v.Role()
	}
	t.Run("takes effect under the same token: here at once, on another node within a second", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.node(t)
		ada := b.register(t, "ada")
		for _, node := range []bench{b, other} {
			if got := roleOf(t, node, ada); got != viewer.RoleUser {
				t.Errorf("to begin with: %s", got)
			}
		}
		grant(t, b, ada, viewer.RoleAdmin)
		if got := roleOf(t, b, ada); got != viewer.RoleAdmin {
			t.Errorf("here: %s", got)
		}
		b.clock.Add(time.Second)
		if got := roleOf(t, other, ada); got != viewer.RoleAdmin {
			t.Errorf("elsewhere: %s", got)
		}
		if in := b.signIn(t, "ada"); in.Viewer.Role() != viewer.RoleAdmin {
			t.Errorf("who signs in now is %s", in.Viewer.Role())
		}
	})
	t.Run("signs out whoever loses a role, since their sockets would keep it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		grant(t, b, ada, viewer.RoleAdmin)
		if !b.holds(t, *ada.Tokens.AccessToken) {
			t.Fatal("more of a role signs out too")
		}
		grant(t, b, ada, viewer.RoleModerator)
		if b.holds(t, *ada.Tokens.AccessToken) {
			t.Error("the session stands")
		}
		if in := b.signIn(t, "ada"); in.Viewer.Role() != viewer.RoleModerator {
			t.Errorf("who signs in now is %s", in.Viewer.Role())
		}
	})
	t.Run("refuses roles and accounts that there are not", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		ctx := viewer.AsOperator(t.Context())
		for _, role := range []viewer.Role{"", "admin", "KING"} {
			if _, err := b.accounts.Grant(ctx, account.GrantRoleInput{AccountID: idOf(ada), Role: role}); !isFault(err, fault.CodeBadRequest) {
				t.Errorf("%q: got %v", role, err)
			}
		}
		nobody := relay.NewID(ent.AccountPrefix, uuid.Must(uuid.NewV7()))
		_, err := b.accounts.Grant(ctx, account.GrantRoleInput{AccountID: nobody, Role: viewer.RoleAdmin})
		if got := refusals(t, err); !slices.Equal(got, []string{"NOT_FOUND input.accountId"}) {
			t.Errorf("nobody: got %v", got)
		}
	})
}

func TestGivePassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, bob := b.register(t, "ada"), b.register(t, "bob")
	ctx := viewer.AsOperator(t.Context())
	password, err := b.accounts.GivePassword(ctx, account.GivePasswordInput{AccountID: idOf(ada)})
	if err != nil || len(password) != 20 {
		t.Fatalf("got %d characters, %v", len(password), err)
	}
	if b.holds(t, *ada.Tokens.AccessToken) || !b.holds(t, *bob.Tokens.AccessToken) {
		t.Error("the wrong sessions ended")
	}
	_, err = b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: goodPassword})
	if got := refusals(t, err); !slices.Equal(got, []string{"WRONG_CREDENTIALS"}) {
		t.Errorf("the old password: got %v", got)
	}
	if _, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: password}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	b.wantNoSecrets(t, password)
	if again, err := b.accounts.GivePassword(ctx, account.GivePasswordInput{AccountID: idOf(ada)}); err != nil || again == password {
		t.Errorf("once more: %v", err)
	}
}

func TestRevokeOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := viewer.AsOperator(t.Context())
	ada, bob := b.register(t, "ada"), b.register(t, "bob")
	b.clock.Add(time.Minute)
	phone := b.signIn(t, "ada")
	rows, err := b.accounts.SessionsOf(ctx, idOf(ada))
	if err != nil || len(rows) != 2 || rows[0].ID != phone.Viewer.Session() {
		t.Fatalf("got %v, %v", rows, err)
	}
	_, err = b.accounts.RevokeOf(ctx, account.RevokeAccountSessionsInput{AccountID: idOf(ada), SessionID: new(sessionOf(bob))})
	if got := refusals(t, err); !slices.Equal(got, []string{"NOT_FOUND input.sessionId"}) || !b.holds(t, *bob.Tokens.AccessToken) {
		t.Errorf("somebody else's session: got %v", got)
	}
	for _, want := range []int{1, 0} {
		n, err := b.accounts.RevokeOf(ctx, account.RevokeAccountSessionsInput{AccountID: idOf(ada), SessionID: new(sessionOf(phone))})
		if err != nil || n != want {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
	if b.holds(t, *phone.Tokens.AccessToken) || !b.holds(t, *ada.Tokens.AccessToken) {
		t.Error("the wrong one ended")
	}
	if n, err := b.accounts.RevokeOf(ctx, account.RevokeAccountSessionsInput{AccountID: idOf(ada)}); err != nil || n != 1 || b.holds(t, *ada.Tokens.AccessToken) {
		t.Errorf("all: got %d, %v", n, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.register(t, "ada")
	b.register(t, "bob")
	ctx := viewer.AsOperator(t.Context())
	for _, who := range []string{
		"ada", "@ada", "@Ada", "ada@example.com", " ADA@example.com",
		string(idOf(ada)), string(relay.NewID(ent.ProfilePrefix, ada.Viewer.Account())),
	} {
		if row, err := b.accounts.Find(ctx, who); err != nil || row.ID != ada.Viewer.Account() {
			t.Errorf("%s: got %v, %v", who, row, err)
		}
	}
	for _, who := range []string{"", "@", "nobody", "nobody@example.com", string(sessionOf(ada)), string(relay.NewID(ent.AccountPrefix, uuid.New()))} {
		_, err := b.accounts.Find(ctx, who)
		if got := refusals(t, err); !slices.Equal(got, []string{"NOT_FOUND"}) {
			t.Errorf("%q: got %v", who, got)
		}
	}
}
