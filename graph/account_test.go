package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

const register = `mutation ($input: RegisterInput!) {
	register(input: $input) {
		viewer {
			account { id username email isEmailVerified createdAt }
			profile { id username displayName isViewer version }
			sessions { nodes { id isCurrent deviceLabel } }
			blocks { nodes { id } }
		}
		session { accessToken refreshToken expiresAt }
		userErrors { code message field }
	}
}`

const signIn = `mutation ($input: SignInInput!) {
	signIn(input: $input) {
		viewer { account { username } sessions { nodes { isCurrent } } }
		session { accessToken refreshToken expiresAt }
		userErrors { code field }
	}
}`

func TestRegister(t *testing.T) {
	t.Parallel()
	input := func(changes vars) vars {
		in := vars{"username": "Ada", "email": "ada@example.com", "password": password, "displayName": "Ada L."}
		for k, v := range changes {
			in[k] = v
		}
		return vars{"input": in}
	}
	t.Run("answers with the new person's own eyes", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := at(t, a.ok(t, viewer.Viewer{}, register, input(nil)), "register")
		if account := at(t, got, "viewer", "account"); at(t, account, "username") != "ada" || at(t, account, "email") != "ada@example.com" || at(t, account, "isEmailVerified") != false {
			t.Errorf("the account is %v", account)
		}
		profile := at(t, got, "viewer", "profile")
		if at(t, profile, "displayName") != "Ada L." || at(t, profile, "isViewer") != true || at(t, profile, "version") != float64(1) {
			t.Errorf("the profile is %v", profile)
		}
		if accountID, profileID := at(t, got, "viewer", "account", "id").(string), at(t, profile, "id").(string); !strings.HasPrefix(accountID, "account_") ||
			strings.TrimPrefix(accountID, "account_") != strings.TrimPrefix(profileID, "profile_") {
			t.Errorf("the ids are %s and %s", accountID, profileID)
		}
		if at(t, got, "viewer", "sessions", "nodes", 0, "isCurrent") != true {
			t.Error("the new session is not the current one")
		}
		v, until, err := a.Accounts.Authenticate(t.Context(), at(t, got, "session", "accessToken").(string))
		if err != nil || relay.NewID(ent.ProfilePrefix, v.Account()) != relay.ID(at(t, profile, "id").(string)) {
			t.Errorf("the access token stands for %v, %v", v, err)
		}
		if at(t, got, "session", "expiresAt") != until.Format(time.RFC3339) {
			t.Errorf("it ends at %v, says %v", until, at(t, got, "session", "expiresAt"))
		}
		if errs := at(t, got, "userErrors").([]any); len(errs) != 0 {
			t.Errorf("got %v", errs)
		}
	})
	t.Run("makes nobody of the rest of the document", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := a.do(t.Context(), t, viewer.Viewer{}, `mutation ($input: RegisterInput!) {
			first: register(input: $input) { viewer { profile { isViewer } } }
			updateProfile(input: {displayName: "X"}) { profile { id } }
		}`, input(nil))
		if got.code(t) != fault.CodeUnauthenticated || got.Errors[0].Path.String() != "updateProfile" {
			t.Errorf("got %v", got.Errors)
		}
	})
	t.Run("resolves two in one document each for who they are", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := a.ok(t, viewer.Viewer{}, `mutation ($a: RegisterInput!, $b: RegisterInput!) {
			a: register(input: $a) { viewer { account { username } profile { isViewer } } }
			b: register(input: $b) { viewer { account { username } profile { isViewer } } }
		}`, vars{"a": input(nil)["input"], "b": input(vars{"username": "bob"})["input"]})
		for alias, username := range map[string]string{"a": "ada", "b": "bob"} {
			if who := at(t, got, alias, "viewer"); at(t, who, "account", "username") != username || at(t, who, "profile", "isViewer") != true {
				t.Errorf("%s: got %v", alias, who)
			}
		}
	})
	t.Run("tells all refusals at once, each with its field", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		a.person(t, "ada")
		got := at(t, a.ok(t, viewer.Viewer{}, register, input(vars{"email": "x", "password": "y", "displayName": ""})), "register")
		var errs []string
		for _, e := range at(t, got, "userErrors").([]any) {
			errs = append(errs, at(t, e, "code").(string)+" "+at(t, e, "field", 0).(string)+"."+at(t, e, "field", 1).(string))
		}
		slices.Sort(errs)
		want := []string{
			"DISPLAY_NAME_INVALID input.displayName", "EMAIL_INVALID input.email",
			"PASSWORD_INVALID input.password", "USERNAME_TAKEN input.username",
		}
		if diff := cmp.Diff(want, errs); diff != "" {
			t.Error(diff)
		}
		if at(t, got, "viewer") != nil || at(t, got, "session") != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("shows a bad idempotency key as the client's fault", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := a.do(t.Context(), t, viewer.Viewer{}, register, input(vars{"idempotencyKey": strings.Repeat("k", 65)}))
		if got.code(t) != fault.CodeBadRequest || cmp.Diff(got.Errors[0].Extensions["argument"], []string{"input", "idempotencyKey"}) != "" {
			t.Errorf("got %v", got.Errors)
		}
		a.ok(t, viewer.Viewer{}, register, input(vars{"idempotencyKey": "k"}))
		got = a.do(t.Context(), t, viewer.Viewer{}, register, input(vars{"idempotencyKey": "k", "username": "eve"}))
		if got.code(t) != fault.CodeIdempotencyKeyReused {
			t.Errorf("got %v", got.Errors)
		}
	})
	t.Run("in cookie mode sets the cookie and returns no tokens", func(t *testing.T) {
		t.Parallel()
		a, jar := newAPI(t), &cookieJar{}
		got := a.do(graph.WithCookies(t.Context(), jar), t, viewer.Viewer{}, register, input(vars{"cookie": true}))
		session := at(t, got.Data, "register", "session")
		if at(t, session, "accessToken") != nil || at(t, session, "refreshToken") != nil || at(t, session, "expiresAt") == nil {
			t.Errorf("got %v, %v", session, got.Errors)
		}
		if _, _, err := a.Accounts.AuthenticateCookie(t.Context(), jar.value); err != nil || time.Until(jar.expires) < 89*24*time.Hour {
			t.Errorf("the cookie lasts until %v: %v", jar.expires, err)
		}
	})
	t.Run("makes nothing in cookie mode where no cookie can be set", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		for name, ctx := range map[string]*cookieJar{"without a jar": nil, "once the answer has begun": {isShut: true}} {
			c := t.Context()
			if ctx != nil {
				c = graph.WithCookies(c, ctx)
			}
			if got := a.do(c, t, viewer.Viewer{}, register, input(vars{"cookie": true})); got.code(t) != fault.CodeBadRequest {
				t.Errorf("%s: got %v", name, got.Errors)
			}
		}
		a.ok(t, viewer.Viewer{}, register, input(nil)) // the username is still free
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.person(t, "ada")
	t.Run("answers with the person's own eyes", func(t *testing.T) {
		t.Parallel()
		a.person(t, "grace") // nobody else of this test signs in as her
		got := at(t, a.ok(t, viewer.Viewer{}, signIn, vars{"input": map[string]any{"login": "grace@example.com", "password": password}}), "signIn")
		if at(t, got, "viewer", "account", "username") != "grace" || at(t, got, "viewer", "sessions", "nodes", 0, "isCurrent") != true {
			t.Errorf("got %v", got)
		}
	})
	t.Run("refuses a wrong password without a field", func(t *testing.T) {
		t.Parallel()
		got := at(t, a.ok(t, viewer.Viewer{}, signIn, vars{"input": map[string]any{"login": "ada", "password": "wrong"}}), "signIn")
		want := map[string]any{
			"viewer": nil, "session": nil,
			"userErrors": []any{map[string]any{"code": "WRONG_CREDENTIALS", "field": nil}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("tells the banned that they are, if the password is right", func(t *testing.T) {
		t.Parallel()
		banned := a.person(t, "mallory")
		_, err := a.Accounts.Ban(viewer.AsOperator(t.Context()), account.BanAccountInput{
			AccountID: relay.NewID(ent.AccountPrefix, banned.Account()), Reason: "spam",
		})
		if err != nil {
			t.Fatal(err)
		}
		for given, code := range map[string]string{password: "ACCOUNT_BANNED", "wrong": "WRONG_CREDENTIALS"} {
			got := at(t, a.ok(t, viewer.Viewer{}, signIn, vars{"input": map[string]any{"login": "mallory", "password": given}}), "signIn")
			want := map[string]any{
				"viewer": nil, "session": nil, "userErrors": []any{map[string]any{"code": code, "field": nil}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("shows oneself one's role", func(t *testing.T) {
		t.Parallel()
		v := a.person(t, "linus")
		for _, role := range []viewer.Role{viewer.RoleUser, viewer.RoleAdmin} {
			_, err := a.Accounts.Grant(viewer.AsOperator(t.Context()), account.GrantRoleInput{
				AccountID: relay.NewID(ent.AccountPrefix, v.Account()), Role: role,
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := at(t, a.ok(t, v, `{ viewer { account { role } } }`, nil), "viewer", "account", "role"); got != string(role) {
				t.Errorf("got %v, want %v", got, role)
			}
		}
	})
	t.Run("by cookie needs a jar", func(t *testing.T) {
		t.Parallel()
		in := vars{"input": map[string]any{"login": "ada", "password": password, "cookie": true}}
		if got := a.do(t.Context(), t, viewer.Viewer{}, signIn, in); got.code(t) != fault.CodeBadRequest {
			t.Errorf("without: got %v", got.Errors)
		}
		jar := &cookieJar{}
		if got := a.do(graph.WithCookies(t.Context(), jar), t, viewer.Viewer{}, signIn, in); len(got.Errors) > 0 || jar.value == "" {
			t.Errorf("with: got %v", got.Errors)
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	tokens := func(t *testing.T, a *api, username string) *account.SignedIn {
		t.Helper()
		in, err := a.Accounts.SignIn(t.Context(), account.SignInInput{Login: username, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	const list = `query ($first: Int, $after: String) { viewer { sessions(first: $first, after: $after) {
		edges { cursor node { id } } nodes { id isCurrent createdAt lastUsedAt expiresAt } pageInfo { hasNextPage endCursor }
	} } }`
	t.Run("are listed in pages", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		ada := a.person(t, "ada")
		second := tokens(t, a, "ada")
		first := at(t, a.ok(t, ada, list, vars{"first": 1}), "viewer", "sessions")
		if at(t, first, "nodes", 0, "id") != string(relay.NewID(ent.AuthSessionPrefix, second.Viewer.Session())) ||
			at(t, first, "nodes", 0, "isCurrent") != false || at(t, first, "pageInfo", "hasNextPage") != true {
			t.Errorf("the first page is %v", first)
		}
		next := at(t, a.ok(t, ada, list, vars{"first": 1, "after": at(t, first, "pageInfo", "endCursor")}), "viewer", "sessions")
		if at(t, next, "nodes", 0, "isCurrent") != true || at(t, next, "pageInfo", "hasNextPage") != false {
			t.Errorf("the next page is %v", next)
		}
		for _, bad := range []vars{{"first": 0}, {"first": 101}, {"after": "x"}} {
			if got := a.do(t.Context(), t, ada, list, bad); got.code(t) != fault.CodeBadRequest {
				t.Errorf("%v: got %v", bad, got.Errors)
			}
		}
	})
	t.Run("are refreshed for a new pair, once", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		a.person(t, "ada")
		const refresh = `mutation ($token: String!) { refreshSession(input: {refreshToken: $token}) {
			session { accessToken refreshToken } userErrors { code field }
		} }`
		in := tokens(t, a, "ada")
		got := at(t, a.ok(t, viewer.Viewer{}, refresh, vars{"token": *in.Tokens.RefreshToken}), "refreshSession")
		if at(t, got, "session", "refreshToken") == *in.Tokens.RefreshToken || len(at(t, got, "userErrors").([]any)) != 0 {
			t.Errorf("got %v", got)
		}
		got = at(t, a.ok(t, viewer.Viewer{}, refresh, vars{"token": "nonsense"}), "refreshSession")
		if at(t, got, "session") != nil || at(t, got, "userErrors", 0, "code") != "SESSION_ENDED" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("end by signing out, which clears the cookie", func(t *testing.T) {
		t.Parallel()
		a, jar := newAPI(t), &cookieJar{}
		ada := a.person(t, "ada")
		const signOut = `mutation { signOut { sessionId userErrors { code } } }`
		got := a.do(graph.WithCookies(t.Context(), jar), t, ada, signOut, nil)
		if at(t, got.Data, "signOut", "sessionId") != string(relay.NewID(ent.AuthSessionPrefix, ada.Session())) || !jar.isCleared {
			t.Errorf("got %v, %v", got.Data, got.Errors)
		}
		if stands, err := a.Accounts.Standing(t.Context(), []uuid.UUID{ada.Session()}); err != nil || len(stands) != 0 {
			t.Errorf("it stands: %v, %v", stands, err)
		}
		if got := a.do(t.Context(), t, viewer.Viewer{}, signOut, nil); got.code(t) != fault.CodeUnauthenticated {
			t.Errorf("signed out: got %v", got.Errors)
		}
	})
	t.Run("that end have what follows in the same document done as nobody, until somebody signs in", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		a.person(t, "ada")
		for how, ending := range map[string]func(viewer.Viewer) string{
			"signOut": func(viewer.Viewer) string { return `signOut { sessionId }` },
			"revokeSession": func(v viewer.Viewer) string {
				return fmt.Sprintf(`revokeSession(input: {sessionId: %q}) { sessionId }`, relay.NewID(ent.AuthSessionPrefix, v.Session()))
			},
		} {
			who := tokens(t, a, "ada").Viewer
			late := a.do(t.Context(), t, who, `mutation { `+ending(who)+` updateProfile(input: {displayName: "Too late"}) { profile { id } } }`, nil)
			if late.code(t) != fault.CodeUnauthenticated {
				t.Errorf("behind %s: %v", how, late)
			}
			who = tokens(t, a, "ada").Viewer
			if name := at(t, a.ok(t, who, `{ viewer { profile { displayName } } }`, nil), "viewer", "profile", "displayName"); name != "Name of ada" {
				t.Errorf("behind %s it was done: %v", how, name)
			}
			back := a.ok(t, who, `mutation ($in: SignInInput!) { `+ending(who)+` signIn(input: $in) { viewer { account { username } } } }`,
				vars{"in": vars{"login": "ada", "password": password}})
			if name := at(t, back, "signIn", "viewer", "account", "username"); name != "ada" {
				t.Errorf("who signs in behind %s is %v", how, name)
			}
		}
	})
	t.Run("are revoked one by one, or all others", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		ada, bob := a.person(t, "ada"), a.person(t, "bob")
		const revoke = `mutation ($id: ID!) { revokeSession(input: {sessionId: $id}) { sessionId userErrors { code field } } }`
		phone := string(relay.NewID(ent.AuthSessionPrefix, tokens(t, a, "ada").Viewer.Session()))
		if got := at(t, a.ok(t, ada, revoke, vars{"id": phone}), "revokeSession"); at(t, got, "sessionId") != phone {
			t.Errorf("got %v", got)
		}
		got := at(t, a.ok(t, bob, revoke, vars{"id": phone}), "revokeSession")
		if at(t, got, "sessionId") != nil || at(t, got, "userErrors", 0, "code") != "NOT_FOUND" {
			t.Errorf("another's: got %v", got)
		}
		tokens(t, a, "ada")
		got = at(t, a.ok(t, ada, `mutation { revokeOtherSessions { revokedCount userErrors { code } } }`, nil), "revokeOtherSessions")
		if at(t, got, "revokedCount") != float64(1) {
			t.Errorf("the others: got %v", got)
		}
	})
}

func TestViewer(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	t.Run("is null for nobody", func(t *testing.T) {
		t.Parallel()
		if got := a.ok(t, viewer.Viewer{}, `{ viewer { account { id } } }`, nil); got["viewer"] != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("is oneself", func(t *testing.T) {
		t.Parallel()
		got := a.ok(t, ada, `{ viewer { account { username } profile { displayName } } }`, nil)
		want := map[string]any{"viewer": map[string]any{
			"account": map[string]any{"username": "ada"}, "profile": map[string]any{"displayName": "Name of ada"},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("finds one's own account and session as nodes, and nobody else's", func(t *testing.T) {
		t.Parallel()
		ids := []any{
			string(relay.NewID(ent.AccountPrefix, ada.Account())), string(relay.NewID(ent.AuthSessionPrefix, ada.Session())),
			string(relay.NewID(ent.AccountPrefix, bob.Account())), string(relay.NewID(ent.AuthSessionPrefix, bob.Session())),
		}
		got := a.ok(t, ada, `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": ids})
		if at(t, got, "nodes", 0, "id") != ids[0] || at(t, got, "nodes", 1, "id") != ids[1] || at(t, got, "nodes", 2) != nil || at(t, got, "nodes", 3) != nil {
			t.Errorf("got %v", got)
		}
	})
}
