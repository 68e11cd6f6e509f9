package graph_test

import (
	"testing"
	"time"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

const activity = `query ($from: DateTime!, $to: DateTime!) {
	signInActivity(from: $from, to: $to, period: DAY) {
		at attempts successes failures banned throttled resetsRequested resets registrations
	}
}`

func TestSignInActivity(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada := a.person(t, "ada")
	now := time.Now().UTC().Truncate(24 * time.Hour)
	span := vars{"from": now.AddDate(0, 0, -1).Format(time.RFC3339), "to": now.AddDate(0, 0, 2).Format(time.RFC3339)}

	days, _ := at(t, a.ok(t, ada.WithRole(viewer.RoleAdmin), activity, span), "signInActivity").([]any)
	registered := 0.0
	for _, day := range days {
		n, _ := at(t, day, "registrations").(float64)
		registered += n
	}
	if len(days) != 3 || registered != 1 {
		t.Errorf("got %v, with %v who registered", days, registered)
	}
	for name, c := range map[string]struct {
		who  viewer.Viewer
		want fault.Code
	}{
		"nobody":      {viewer.Viewer{}, fault.CodeUnauthenticated},
		"a user":      {ada, fault.CodeForbidden},
		"a moderator": {ada.WithRole(viewer.RoleModerator), fault.CodeForbidden},
	} {
		if got := a.do(t.Context(), t, c.who, activity, span).code(t); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestSignInAttempts(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	if _, err := a.Accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: "wrong one"}); err == nil {
		t.Fatal("a wrong password was right")
	}
	a.Accounts.Close()
	const mine = `{ viewer { account { lastSignInAt } signInAttempts(first: 1) {
		nodes { at outcome deviceLabel network } edges { cursor node { outcome } } pageInfo { hasNextPage endCursor }
	} } }`
	got := a.ok(t, ada, mine, nil)
	if at(t, got, "viewer", "signInAttempts", "nodes", 0, "outcome") != "FAILED" || at(t, got, "viewer", "signInAttempts", "pageInfo", "hasNextPage") != true {
		t.Errorf("got %v", got)
	}
	if at(t, got, "viewer", "account", "lastSignInAt") == nil {
		t.Error("it is not said when she signed in")
	}
	if got := a.ok(t, bob, mine, nil); at(t, got, "viewer", "signInAttempts", "nodes", 0, "outcome") != "REGISTERED" {
		t.Errorf("bob sees %v", got)
	}
}
