package graph_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
