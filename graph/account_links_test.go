package graph_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

// mailingAPI is the API on a node that does jobs and sends mails.
func mailingAPI(t testing.TB) *api {
	t.Helper()
	d := testkit.DB(t)
	n := node.Mailing(t, d, live.Options{})
	return &api{Node: n, db: d, exec: graph.NewExecutor(n.Resolver, false)}
}

const (
	verifyEmail = `mutation ($input: VerifyEmailInput!) {
		verifyEmail(input: $input) { isVerified isResetSent account { email isEmailVerified } userErrors { code field } }
	}`
	requestPasswordReset = `mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { code } } }`
	resetPassword        = `mutation ($input: ResetPasswordInput!) {
		resetPassword(input: $input) { viewer { account { username isEmailVerified } } session { accessToken } userErrors { code field } }
	}`
	mine = `{ viewer { account { username email pendingEmail isEmailVerified } } }`
)

func one(name string, value any) vars { return vars{"input": vars{name: value}} }

// mailed is what the link of the next mail says.
func (a *api) mailed(t testing.TB, username, subject string) string {
	t.Helper()
	return node.Token(t, a.Mails.Next(t, username+"@example.com", subject))
}

func codes(t testing.TB, answer any) (all []string) {
	t.Helper()
	for _, e := range at(t, answer, "userErrors").([]any) {
		all = append(all, at(t, e, "code").(string))
	}
	return all
}

// A forgotten password, of somebody who never proved their address: all of it as a client does it.
func TestForgottenLogin(t *testing.T) {
	t.Parallel()
	a := mailingAPI(t)
	ada := a.person(t, "ada")
	first := a.mailed(t, "ada", "Confirm your address")
	if got := at(t, a.ok(t, ada, mine, nil), "viewer", "account", "isEmailVerified"); got != false {
		t.Fatalf("it is proved: %v", got)
	}
	if got := codes(t, at(t, a.ok(t, viewer.Viewer{}, requestPasswordReset, one("login", "ada@example.com")), "requestPasswordReset")); got != nil {
		t.Fatalf("got %v", got)
	}
	a.mailed(t, "ada", "Confirm your address to get a new password")
	again := a.ok(t, ada, `mutation { requestEmailVerification { account { email } userErrors { code } } }`, nil)
	if at(t, again, "requestEmailVerification", "account", "email") != "ada@example.com" {
		t.Errorf("got %v", again)
	}
	a.mailed(t, "ada", "Confirm your address") // was sent again, and the first one does too
	got := at(t, a.ok(t, viewer.Viewer{}, verifyEmail, one("token", first)), "verifyEmail")
	want := map[string]any{"isVerified": true, "isResetSent": true, "account": nil, "userErrors": []any{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if got := at(t, a.ok(t, ada, mine, nil), "viewer", "account", "isEmailVerified"); got != true {
		t.Errorf("it is not proved: %v", got)
	}
	reset := a.mailed(t, "ada", "Set a new password") // comes by itself
	done := at(t, a.ok(t, viewer.Viewer{}, resetPassword, vars{"input": vars{"token": reset, "newPassword": "another horse entirely"}}), "resetPassword")
	if at(t, done, "viewer", "account", "username") != "ada" || at(t, done, "viewer", "account", "isEmailVerified") != true {
		t.Fatalf("got %v", done)
	}
	if _, _, err := a.Accounts.Authenticate(t.Context(), at(t, done, "session", "accessToken").(string)); err != nil {
		t.Errorf("the new session: %v", err)
	}
	sessions := at(t, a.ok(t, ada, `{ viewer { sessions { nodes { id } } } }`, nil), "viewer", "sessions", "nodes").([]any)
	if len(sessions) != 1 || at(t, sessions, 0, "id") == string(relay.NewID(ent.AuthSessionPrefix, ada.Session())) {
		t.Errorf("there are the sessions %v", sessions)
	}
	for given, code := range map[string][]string{password: {"WRONG_CREDENTIALS"}, "another horse entirely": nil} {
		got := at(t, a.ok(t, viewer.Viewer{}, signIn, vars{"input": vars{"login": "ada", "password": given}}), "signIn")
		if !slices.Equal(codes(t, got), code) {
			t.Errorf("%s: got %v", given, got)
		}
	}
	again2 := at(t, a.ok(t, viewer.Viewer{}, resetPassword, vars{"input": vars{"token": reset, "newPassword": "a third horse"}}), "resetPassword")
	if !slices.Equal(codes(t, again2), []string{"LINK_USED"}) || at(t, again2, "session") != nil {
		t.Errorf("a second time: %v", again2)
	}
}

func TestLinksAreOfOneAccount(t *testing.T) {
	t.Parallel()
	a := mailingAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	token := a.mailed(t, "ada", "Confirm your address")
	of := func(v viewer.Viewer) any { return at(t, a.ok(t, v, mine, nil), "viewer", "account") }
	before := of(bob)
	t.Log("a link of Ada's that Bob opens proves hers, shows him nothing, and leaves him as he is")
	got := at(t, a.ok(t, bob, verifyEmail, one("token", token)), "verifyEmail")
	if at(t, got, "isVerified") != true || at(t, got, "account") != nil {
		t.Errorf("got %v", got)
	}
	if at(t, of(ada), "isEmailVerified") != true {
		t.Error("hers is not proved")
	}
	a.ok(t, viewer.Viewer{}, requestPasswordReset, one("login", "ada"))
	reset := a.mailed(t, "ada", "Set a new password")
	done := at(t, a.ok(t, bob, resetPassword, vars{"input": vars{"token": reset, "newPassword": "another horse entirely"}}), "resetPassword")
	if at(t, done, "viewer", "account", "username") != "ada" {
		t.Errorf("got %v", done)
	}
	if diff := cmp.Diff(before, of(bob)); diff != "" {
		t.Errorf("Bob changed: %s", diff)
	}
	if got := at(t, a.ok(t, viewer.Viewer{}, signIn, vars{"input": vars{"login": "bob", "password": password}}), "signIn"); codes(t, got) != nil {
		t.Errorf("Bob's password: %v", got)
	}
}

func TestChangeOfAddress(t *testing.T) {
	t.Parallel()
	const changeEmail = `mutation ($input: ChangeEmailInput!) { changeEmail(input: $input) { account { email pendingEmail } userErrors { code field } } }`
	a := mailingAPI(t)
	ada := a.person(t, "ada")
	a.ok(t, viewer.Viewer{}, verifyEmail, one("token", a.mailed(t, "ada", "Confirm your address")))
	got := at(t, a.ok(t, ada, changeEmail, one("email", "Lovelace@example.com")), "changeEmail")
	want := map[string]any{"account": map[string]any{"email": "ada@example.com", "pendingEmail": "lovelace@example.com"}, "userErrors": []any{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	undo := a.mailed(t, "ada", "Your account is to get another address")
	got = at(t, a.ok(t, ada, verifyEmail, one("token", a.mailed(t, "lovelace", "Confirm your new address"))), "verifyEmail")
	if at(t, got, "account", "email") != "lovelace@example.com" {
		t.Errorf("got %v", got)
	}
	taken := a.ok(t, viewer.Viewer{}, `mutation ($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { isDone userErrors { code } } }`, one("token", undo))
	if at(t, taken, "undoEmailChange", "isDone") != true {
		t.Errorf("got %v", taken)
	}
	if got := at(t, a.ok(t, ada, mine, nil), "viewer", "account", "email"); got != "ada@example.com" {
		t.Errorf("the address is %v", got)
	}
	a.mailed(t, "ada", "Set a new password")
}

func TestIssuePasswordReset(t *testing.T) {
	t.Parallel()
	const issue = `mutation ($input: IssuePasswordResetInput!) { issuePasswordReset(input: $input) { profileId userErrors { code } } }`
	a := mailingAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	hers := string(relay.NewID(ent.ProfilePrefix, ada.Account()))
	for who, c := range map[string]struct {
		v    viewer.Viewer
		code fault.Code
	}{
		"nobody": {viewer.Viewer{}, fault.CodeUnauthenticated}, "oneself": {ada, fault.CodeForbidden},
		"a moderator": {bob.WithRole(viewer.RoleModerator), fault.CodeForbidden},
	} {
		if got := a.do(t.Context(), t, c.v, issue, one("profileId", hers)); got.code(t) != c.code {
			t.Errorf("%s: got %v", who, got.Errors)
		}
	}
	admin := bob.WithRole(viewer.RoleAdmin)
	if got := at(t, a.ok(t, admin, issue, one("profileId", hers)), "issuePasswordReset"); at(t, got, "profileId") != hers {
		t.Errorf("got %v", got)
	}
	a.mailed(t, "ada", "Confirm your address to get a new password")
	got := at(t, a.ok(t, admin, issue, one("profileId", nobodyID(ent.ProfilePrefix))), "issuePasswordReset")
	if !slices.Equal(codes(t, got), []string{"NOT_FOUND"}) {
		t.Errorf("got %v", got)
	}
}

// Whether an account exists is not to be told from the answer, nor from what it takes to give it.
func TestForgottenPasswordTellsNothing(t *testing.T) {
	t.Parallel()
	a := mailingAPI(t)
	a.person(t, "ada")
	grace := a.person(t, "grace")
	a.ok(t, grace, verifyEmail, one("token", a.mailed(t, "grace", "Confirm your address")))
	a.Mails.Idle(t)
	logins := []string{"nobody", "nobody@example.com", "ada", "ada@example.com", "grace", "grace@example.com"}
	var took []time.Duration
	for _, login := range logins {
		began := time.Now()
		got := a.do(t.Context(), t, viewer.Viewer{}, requestPasswordReset, one("login", login))
		took = append(took, time.Since(began).Round(time.Microsecond))
		if diff := cmp.Diff(map[string]any{"requestPasswordReset": map[string]any{"userErrors": []any{}}}, got.Data); diff != "" {
			t.Errorf("%s: %s", login, diff)
		}
		a.Mails.Idle(t)
	}
	t.Logf("%v took %v", logins, took)
	var jobs, for0 int
	err := a.db.SQL.QueryRowContext(t.Context(),
		"SELECT count(*), count(*) FILTER (WHERE NOT args ? 'account') FROM river_job WHERE kind = 'account.reset_asked'").Scan(&jobs, &for0)
	if err != nil || jobs != len(logins) || for0 != 2 {
		t.Errorf("%d jobs, %d of them for nobody, %v", jobs, for0, err)
	}
}
