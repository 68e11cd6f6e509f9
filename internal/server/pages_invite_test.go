package server_test

import (
	"bytes"
	"html"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

func TestInvitePage(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	n := node.On(t, d, live.Options{})
	var log bytes.Buffer
	h := siteOn(t, production, d, n, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	const host = "convene.example"
	ada := testkit.Person(t, d, "ada")
	const evil = `<script>alert(1)</script>`
	if err := d.Ent.Profile.UpdateOneID(ada).SetDisplayName(evil).Exec(testkit.As(t, ada)); err != nil {
		t.Fatal(err)
	}
	made, err := n.Invites.CreateCode(testkit.As(t, ada), invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1})
	if err != nil {
		t.Fatal(err)
	}
	guarded := func(t *testing.T, got http.Header) {
		t.Helper()
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "X-Frame-Options": "DENY",
		} {
			if got.Get(name) != want {
				t.Errorf("%s is %q", name, got.Get(name))
			}
		}
		if policy := got.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'") || strings.Contains(policy, "script") {
			t.Errorf("the policy is %s", policy)
		}
	}

	t.Run("says who invites and what the code is, and runs nothing", func(t *testing.T) {
		w := get(t, h, host, "/r/"+made.Code)
		guarded(t, w.Header())
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, "@ada") || !strings.Contains(body, made.Code) || !strings.Contains(body, html.EscapeString(evil)) {
			t.Errorf("got %d:\n%s", w.Code, body)
		}
		if strings.Contains(body, "<script") {
			t.Errorf("the name became a script:\n%s", body)
		}
	})
	t.Run("looking uses nothing up", func(t *testing.T) {
		for range 3 {
			get(t, h, host, "/r/"+made.Code)
		}
		row, err := d.Ent.InviteCode.Get(testkit.As(t, ada), made.Row.ID)
		if err != nil || row.UseCount != 0 {
			t.Errorf("got %v, %v", row, err)
		}
	})
	t.Run("the log has no code", func(t *testing.T) {
		if text := log.String(); strings.Contains(text, made.Code) || !strings.Contains(text, "path=/r/{code}") {
			t.Errorf("the log:\n%s", text)
		}
	})
	t.Run("whatever else comes is answered alike", func(t *testing.T) {
		if _, err := n.Invites.RevokeCode(testkit.As(t, ada), invite.RevokeInviteCodeInput{InviteCodeID: made.Row.GlobalID()}); err != nil {
			t.Fatal(err)
		}
		first := ""
		for _, code := range []string{made.Code, "0000-1111-2222-3333-4444", "x", "%2e%2e%2f", "//evil.example", "https:%2f%2fevil.example", "%00"} {
			w := get(t, h, host, "/r/"+code)
			if w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusMovedPermanently { // the mux cleans the path, on this host
				if to := w.Header().Get("Location"); !strings.HasPrefix(to, "/r/") {
					t.Errorf("%s leads to %s", code, to)
				}
				continue
			}
			guarded(t, w.Header())
			if first == "" {
				first = w.Body.String()
			}
			if w.Code != http.StatusNotFound || w.Body.String() != first {
				t.Errorf("%s: got %d:\n%s", code, w.Code, w.Body)
			}
		}
	})
	t.Run("leads to the app where there is one, and nowhere else", func(t *testing.T) {
		c := production
		c.AppURL = "https://app.example/join?code={code}&from=mail"
		h := siteOn(t, c, d, n, slog.New(slog.DiscardHandler))
		for code, want := range map[string]string{
			made.Code: "https://app.example/join?code=" + made.Code + "&from=mail",
			strings.ToUpper(strings.ReplaceAll(made.Code, "-", "")):    "https://app.example/join?code=" + made.Code + "&from=mail",
			"0000-1111-2222-3333-4444":                                 "https://app.example/join?code=0000-1111-2222-3333-4444&from=mail",
			"https:%2f%2fevil.example%2f0":                             "",
			"0000-1111-2222-3333-44%0d":                                "",
			"0000-1111-2222-3333-4444%0d%0aSet-Cookie:%20a=b":          "",
			"0000-1111-2222-3333-4444?to=https://evil.example/&code=x": "https://app.example/join?code=0000-1111-2222-3333-4444&from=mail",
		} {
			w := get(t, h, host, "/r/"+code)
			guarded(t, w.Header())
			if got := w.Header().Get("Location"); got != want || want != "" && w.Code != http.StatusSeeOther || want == "" && w.Code != http.StatusNotFound {
				t.Errorf("%s: got %d to %q", code, w.Code, got)
			}
		}
	})
	t.Run("a page that fails is guarded no less", func(t *testing.T) {
		away := testkit.Open(t, testkit.DatabaseURL(t))
		gone := node.On(t, away, live.Options{})
		o := optionsOn(t, production, d, n, slog.New(slog.DiscardHandler))
		o.Invites = gone.Invites
		_ = away.Close()
		w := get(t, server.Routes(o), host, "/r/0000-1111-2222-3333-4444")
		if w.Code < http.StatusInternalServerError || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("got %d, %v", w.Code, w.Header())
		}
	})
}
