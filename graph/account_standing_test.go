package graph_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/viewer"
)

const reauthenticate = `mutation ($input: ReauthenticateInput!) {
	reauthenticate(input: $input) { recentUntil userErrors { code field } }
}`

func TestReauthenticate(t *testing.T) {
	t.Parallel()
	with := func(password string) vars { return vars{"input": vars{"password": password}} }
	t.Run("says until when the proof counts", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := at(t, a.ok(t, a.person(t, "ada"), reauthenticate, with(password)), "reauthenticate")
		until, err := time.Parse(time.RFC3339, at(t, got, "recentUntil").(string))
		if left := time.Until(until); err != nil || left > 10*time.Minute || left < 5*time.Minute || len(at(t, got, "userErrors").([]any)) != 0 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("refuses a wrong password with its field", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := at(t, a.ok(t, a.person(t, "ada"), reauthenticate, with("wrong")), "reauthenticate")
		want := map[string]any{"recentUntil": nil, "userErrors": []any{
			map[string]any{"code": "WRONG_CREDENTIALS", "field": []any{"input", "password"}},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("is nothing for nobody", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		if got := a.do(t.Context(), t, viewer.Viewer{}, reauthenticate, with(password)); got.code(t) != fault.CodeUnauthenticated {
			t.Errorf("got %v", got.Errors)
		}
	})
	t.Run("counts wrong passwords by account, wherever they come from, and right ones not at all", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		ada, bob := a.person(t, "ada"), a.person(t, "bob")
		limits := limit.New(limit.Options{Rates: limit.Rates{limit.Logins: limit.Within(time.Hour, 3, 3)}})
		ask := func(from string, v viewer.Viewer, password string) response {
			return a.do(limit.With(t.Context(), limits.Client(netip.MustParseAddr(from))), t, v, reauthenticate, with(password))
		}
		for _, from := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			for range 3 {
				if got := ask(from, ada, password); len(got.Errors) > 0 {
					t.Fatalf("a right password: %v", got.Errors)
				}
			}
			if got := ask(from, ada, "wrong"); len(got.Errors) > 0 {
				t.Fatalf("a wrong password: %v", got.Errors)
			}
		}
		if got := ask("192.0.2.4", ada, password); got.code(t) != fault.CodeRateLimited {
			t.Errorf("the fourth: got %v", got)
		}
		if got := ask("192.0.2.4", bob, password); len(got.Errors) > 0 {
			t.Errorf("somebody else: got %v", got.Errors)
		}
	})
}

// A device is where somebody is signed in, as a client knows it.
type device struct {
	*api
	t       *testing.T
	access  string
	refresh string
}

// enter registers or signs in, and is the device from then on; the codes are why not.
func (a *api) enter(t *testing.T, mutation, inputType string, input vars) (*device, []string) {
	t.Helper()
	got := at(t, a.ok(t, viewer.Viewer{}, `mutation ($input: `+inputType+`!) { it: `+mutation+`(input: $input) {
		session { accessToken refreshToken } userErrors { code } } }`, vars{"input": input}), "it")
	if why := codes(t, got); len(why) > 0 {
		return nil, why
	}
	return &device{a, t, at(t, got, "session", "accessToken").(string), at(t, got, "session", "refreshToken").(string)}, nil
}

func (a *api) in(t *testing.T, login string) *device {
	t.Helper()
	d, why := a.enter(t, "signIn", "SignInInput", vars{"login": login, "password": password})
	if d == nil {
		t.Fatalf("%s is not let in: %v", login, why)
	}
	return d
}

// ask has the device ask something, by its access token.
func (d *device) ask(query string, variables vars) map[string]any {
	d.t.Helper()
	v, _, err := d.Accounts.Authenticate(d.t.Context(), d.access)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.ok(d.t, v, query, variables)
}

// isOut tells whether neither of the device's tokens is good any more.
func (d *device) isOut() bool {
	d.t.Helper()
	_, _, err := d.Accounts.Authenticate(d.t.Context(), d.access)
	got := d.ok(d.t, viewer.Viewer{}, `mutation ($token: String!) { refreshSession(input: {refreshToken: $token}) { userErrors { code } } }`, vars{"token": d.refresh})
	return err != nil && cmp.Equal(codes(d.t, at(d.t, got, "refreshSession")), []string{"SESSION_ENDED"})
}

const dangerZone = `mutation Name($name: String!) { changeUsername(input: {username: $name}) { account { username status } userErrors { code } } }
mutation Password($new: String!) { changePassword(input: {newPassword: $new}) { account { username } userErrors { code } } }
mutation Deactivate { deactivateAccount { deactivatedAt userErrors { code } } }
mutation Erase { eraseAccount { eraseAfter userErrors { code } } }
mutation Everywhere { revokeAllSessions { revokedCount userErrors { code } } }`

// danger does one of them and answers its payload.
func (d *device) danger(name string, variables vars) any {
	d.t.Helper()
	v, _, err := d.Accounts.Authenticate(d.t.Context(), d.access)
	if err != nil {
		d.t.Fatal(err)
	}
	got := d.named(d.t, v, dangerZone, name, variables)
	for _, payload := range got {
		return payload
	}
	d.t.Fatal("no answer")
	return nil
}

// seenBy is what somebody else sees of a person: the profile, the card beside what they wrote, and the other member.
const seenBy = `query ($username: String!, $id: ID!, $conversation: ID!) {
	profile(username: $username) { displayName }
	node(id: $id) { id }
	viewer { conversationWith(profileId: $id) { otherMember { username } } inbox { nodes { title otherMembers { username } lastMessage { body author { username } } } } }
	conversation(id: $conversation) { otherMembers { username } messages { nodes { body isDeleted author { username } } } }
}`

func TestDangerZone(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	zoe, why := a.enter(t, "register", "RegisterInput", vars{"username": "zoe", "email": "zoe@example.com", "password": password, "displayName": "Zoe Z."})
	if why != nil {
		t.Fatal(why)
	}
	phone, bob := a.in(t, "zoe"), a.person(t, "bob")
	_, conversation := a.send(t, bob, vars{"recipientId": zoe.profile(), "body": "hello Zoe"})
	zoe.ask(`mutation ($c: ID!) { sendMessage(input: {conversationId: $c, body: "hello Bob"}) { userErrors { code } } }`, vars{"c": conversation["id"]})
	id := zoe.profile()
	looks := func(username string) map[string]any {
		return a.ok(t, bob, seenBy, vars{"username": username, "id": id, "conversation": conversation["id"]})
	}
	wantSeen := func(username string) {
		t.Helper()
		got := looks(username)
		card := map[string]any{"username": username}
		if at(t, got, "profile") == nil || at(t, got, "node") == nil ||
			!cmp.Equal(at(t, got, "viewer", "conversationWith", "otherMember"), any(card)) ||
			!cmp.Equal(at(t, got, "viewer", "inbox", "nodes", 0, "otherMembers"), any([]any{card})) ||
			!cmp.Equal(at(t, got, "conversation", "messages", "nodes", 0, "author"), any(card)) {
			t.Errorf("Bob sees %v", got)
		}
	}
	wantHidden := func(usernames ...string) {
		t.Helper()
		for _, username := range usernames {
			got := looks(username)
			if at(t, got, "profile") != nil || at(t, got, "node") != nil ||
				len(at(t, got, "viewer", "inbox", "nodes", 0, "otherMembers").([]any)) != 0 ||
				len(at(t, got, "conversation", "otherMembers").([]any)) != 0 ||
				at(t, got, "viewer", "inbox", "nodes", 0, "lastMessage", "author") != nil ||
				at(t, got, "conversation", "messages", "nodes", 0, "author") != nil {
				t.Errorf("Bob sees %v", got)
			}
		}
		refused := a.refusal(t, bob, sendMessage, vars{"conversationId": conversation["id"], "body": "are you there?"})
		if !strings.HasPrefix(refused, "CANNOT_MESSAGE") {
			t.Errorf("Bob writes: %s", refused)
		}
	}
	wantSeen("zoe")

	// Everything asks for a recent proof, and a wrong password is none.
	if _, err := a.db.SQL.ExecContext(t.Context(), "UPDATE auth_sessions SET authenticated_at = 'epoch'"); err != nil {
		t.Fatal(err)
	}
	for name, variables := range map[string]vars{"Name": {"name": "zoe.z"}, "Password": {"new": "another horse battery"}, "Deactivate": nil, "Erase": nil} {
		if got := codes(t, zoe.danger(name, variables)); !cmp.Equal(got, []string{"REAUTHENTICATION_REQUIRED"}) {
			t.Errorf("%s without a recent proof: %v", name, got)
		}
	}
	zoe.ask(reauthenticate, vars{"input": vars{"password": "wrong"}})
	if got := codes(t, zoe.danger("Deactivate", nil)); len(got) != 1 {
		t.Errorf("after a wrong password: %v", got)
	}
	zoe.ask(reauthenticate, vars{"input": vars{"password": password}})

	// Another username: the profile has it too, and nobody else gets the old one.
	if got := zoe.danger("Name", vars{"name": "Zoe.Z"}); at(t, got, "account", "username") != "zoe.z" || at(t, got, "account", "status") != "UNVERIFIED" {
		t.Errorf("got %v", got)
	}
	wantSeen("zoe.z")
	if got := at(t, looks("zoe"), "profile"); got != nil {
		t.Errorf("under the old name there is %v", got)
	}
	_, why = a.enter(t, "register", "RegisterInput", vars{"username": "zoe", "email": "other@example.com", "password": password})
	if !cmp.Equal(why, []string{"USERNAME_TAKEN"}) {
		t.Errorf("the old name: %v", why)
	}
	a.in(t, "zoe.z")

	// Another password ends the phone, and goes on here.
	const next = "another horse battery"
	if got := codes(t, zoe.danger("Password", vars{"new": next})); got != nil {
		t.Fatal(got)
	}
	if !phone.isOut() {
		t.Error("the phone is still in after the password was changed")
	}
	if _, why := a.enter(t, "signIn", "SignInInput", vars{"login": "zoe.z", "password": password}); !cmp.Equal(why, []string{"WRONG_CREDENTIALS"}) {
		t.Errorf("the old password: %v", why)
	}
	zoe.ask(`{ viewer { account { username } } }`, nil)

	// Deactivated: out everywhere, hidden at once; only the right password is told so, and comes back.
	if got := zoe.danger("Deactivate", nil); at(t, got, "deactivatedAt") == nil || codes(t, got) != nil {
		t.Fatal(got)
	}
	if !zoe.isOut() {
		t.Error("a deactivated account is still in")
	}
	wantHidden("zoe.z", "zoe")
	for given, want := range map[string]string{next: "ACCOUNT_DEACTIVATED", "wrong": "WRONG_CREDENTIALS"} {
		if _, why := a.enter(t, "signIn", "SignInInput", vars{"login": "zoe.z", "password": given}); !cmp.Equal(why, []string{want}) {
			t.Errorf("signing in with %q: %v", given, why)
		}
	}
	if _, why := a.enter(t, "signIn", "SignInInput", vars{"login": "zoe.z", "password": "wrong", "reactivate": true}); !cmp.Equal(why, []string{"WRONG_CREDENTIALS"}) {
		t.Errorf("coming back with a wrong password: %v", why)
	}
	wantHidden("zoe.z")
	comesBack := func() *device {
		t.Helper()
		d, why := a.enter(t, "signIn", "SignInInput", vars{"login": "zoe.z", "password": next, "reactivate": true})
		if why != nil {
			t.Fatal(why)
		}
		return d
	}
	zoe = comesBack()
	wantSeen("zoe.z")

	// To be erased: hidden at once; whoever comes back calls it off.
	got := zoe.danger("Erase", nil)
	until, err := time.Parse(time.RFC3339, at(t, got, "eraseAfter").(string))
	if days := time.Until(until).Hours() / 24; err != nil || days < 13.9 || days > 14 {
		t.Errorf("erased in %v days: %v", days, got)
	}
	wantHidden("zoe.z")
	if err := a.Accounts.EraseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	zoe = comesBack()
	wantSeen("zoe.z")

	// And erased.
	zoe.danger("Erase", nil)
	if _, err := a.db.SQL.ExecContext(t.Context(), "UPDATE accounts SET erase_after = now() WHERE erase_after IS NOT NULL"); err != nil {
		t.Fatal(err)
	}
	if err := a.Accounts.EraseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]vars{"as before": {"login": "zoe.z", "password": next}, "to come back": {"login": "zoe.z", "password": next, "reactivate": true}} {
		if _, why := a.enter(t, "signIn", "SignInInput", in); !cmp.Equal(why, []string{"WRONG_CREDENTIALS"}) {
			t.Errorf("signing in %s: %v", name, why)
		}
	}
	messages := at(t, a.ok(t, bob, `query ($id: ID!) { conversation(id: $id) { messages { nodes { body isDeleted author { username } } } } }`, vars{"id": conversation["id"]}),
		"conversation", "messages", "nodes")
	want := []any{
		map[string]any{"body": nil, "isDeleted": true, "author": nil},
		map[string]any{"body": "hello Zoe", "isDeleted": false, "author": map[string]any{"username": "bob"}},
	}
	if diff := cmp.Diff(any(want), messages); diff != "" {
		t.Errorf("Bob's conversation: %s", diff)
	}

	// The address may be used anew at once, the names not yet.
	for _, username := range []string{"zoe", "zoe.z"} {
		_, why = a.enter(t, "register", "RegisterInput", vars{"username": username, "email": "zoe@example.com", "password": password})
		if !cmp.Equal(why, []string{"USERNAME_TAKEN"}) {
			t.Errorf("the name %s: %v", username, why)
		}
	}
	anew, why := a.enter(t, "register", "RegisterInput", vars{"username": "zoe.again", "email": "zoe@example.com", "password": password})
	if why != nil || anew.profile() == id {
		t.Errorf("registering again: %v", why)
	}
}

// profile is the id by which others address the device's person.
func (d *device) profile() string {
	d.t.Helper()
	return at(d.t, d.ask(`{ viewer { profile { id } } }`, nil), "viewer", "profile", "id").(string)
}

func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.person(t, "ada")
	here, there := a.in(t, "ada"), a.in(t, "ada")
	sessions := at(t, here.ask(`{ viewer { sessions { nodes { ipPrefix lastUsedAt createdAt deviceLabel isCurrent } } } }`, nil), "viewer", "sessions", "nodes").([]any)
	if len(sessions) != 3 || at(t, sessions[0], "ipPrefix") != "" {
		t.Errorf("got %v", sessions)
	}
	if got := here.danger("Everywhere", nil); at(t, got, "revokedCount") != float64(3) {
		t.Errorf("got %v", got)
	}
	if !here.isOut() || !there.isOut() {
		t.Error("a session is left")
	}
}

func TestCookiesOfWhoLeaves(t *testing.T) {
	t.Parallel()
	for name, mutation := range map[string]string{
		"deactivates":          `mutation { it: deactivateAccount { userErrors { code } } }`,
		"is to be erased":      `mutation { it: eraseAccount { userErrors { code } } }`,
		"signs out everywhere": `mutation { it: revokeAllSessions { userErrors { code } } }`,
	} {
		t.Run("the cookie of who "+name+" is cleared, and good for nothing", func(t *testing.T) {
			t.Parallel()
			a, jar := newAPI(t), &cookieJar{}
			ctx := graph.WithCookies(t.Context(), jar)
			a.do(ctx, t, viewer.Viewer{}, `mutation { register(input: {username: "ada", email: "ada@example.com", password: "`+password+`", cookie: true}) { userErrors { code } } }`, nil)
			v, _, err := a.Accounts.AuthenticateCookie(t.Context(), jar.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := a.do(ctx, t, v, mutation, nil); len(got.Errors) > 0 || codes(t, at(t, got.Data, "it")) != nil || !jar.isCleared {
				t.Errorf("got %v, cleared %v", got, jar.isCleared)
			}
			if _, _, err := a.Accounts.AuthenticateCookie(t.Context(), jar.value); err == nil {
				t.Error("the cookie is still good")
			}
		})
	}
}
