package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// admin runs `convene admin …` beside a running node and answers what it printed, the two outputs apart.
func admin(t *testing.T, settings []string, args ...string) (out, rest string, err error) {
	t.Helper()
	cmd := command(t, append([]string{"admin"}, args...), settings...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	// By the data folder alone, as one has it on a laptop; the second node is told the addresses.
	here := []string{"CONVENE_DATA=" + dataDir(t)}
	first := start(t, here...)
	second := start(t, first.services()...)
	must := func(t *testing.T, args ...string) string {
		t.Helper()
		out, rest, err := admin(t, here, args...)
		if err != nil {
			t.Fatalf("admin %v: %v\n%s%s", args, err, out, rest)
		}
		return out
	}
	signIn := func(login, password string) string {
		got := first.query("", `mutation ($i: SignInInput!) { signIn(input: $i) { session { accessToken } userErrors { code } } }`,
			map[string]any{"i": map[string]any{"login": login, "password": password}})
		if errs, _ := dig(got, "data", "signIn", "userErrors").([]any); len(errs) > 0 {
			return dig(errs[0], "code").(string)
		}
		return fmt.Sprint(dig(got, "data", "signIn", "session", "accessToken"))
	}
	const demoPassword = "lunch-is-at-noon"

	t.Run("a link to a new password is sent by a node, and shown to nobody", func(t *testing.T) {
		first.query("", `mutation ($i: RegisterInput!) { register(input: $i) { userErrors { code } } }`,
			map[string]any{"i": map[string]any{"username": "lina", "email": "lina@example.org", "password": "correct horse battery"}})
		if out := must(t, "send-reset", "@lina"); !strings.Contains(out, "has not proved their address") || strings.Contains(out, "token") {
			t.Errorf("it says %q", out)
		}
		eventually(t, "the mail is there", func() error {
			answer, err := http.Get(second.url + "/dev/mail.json")
			if err != nil {
				return err
			}
			defer func() { _ = answer.Body.Close() }()
			all, err := io.ReadAll(answer.Body)
			if err == nil && !strings.Contains(string(all), "Confirm your address to get a new password") {
				err = fmt.Errorf("not in %s", all)
			}
			return err
		})
		if out, rest, err := admin(t, append(here, "CONVENE_MAIL=off"), "send-reset", "@lina"); err == nil || !strings.Contains(rest, "no mails are sent") {
			t.Errorf("without mails it says %q %q", out, rest)
		}
	})
	t.Run("a ban cuts the streams and the token on another node, and an unban ends it", func(t *testing.T) {
		ada, grace := first.signIn("ada"), second.signIn("grace")
		events := second.watch(grace, first.conversation(ada))
		must(t, "ban", "@grace", "--reason", "Sells things")
		ended := make(chan time.Time)
		go func() {
			for events.Scan() {
			}
			ended <- time.Now()
		}()
		select {
		case <-ended:
		case <-time.After(deadline):
			t.Fatal("the stream goes on")
		}
		eventually(t, "the token is refused", func() error {
			if got := second.query(grace, `{ viewer { account { role } } }`, nil); got["errors"] == nil {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
		if got := signIn("grace", demoPassword); got != "ACCOUNT_BANNED" {
			t.Errorf("signing in: got %s", got)
		}
		must(t, "unban", "grace")
		if got := signIn("grace", demoPassword); strings.ToUpper(got) == got {
			t.Errorf("signing in after the unban: got %s", got)
		}
	})
	t.Run("a granted role is there with the next requests", func(t *testing.T) {
		ada := second.signIn("ada")
		if out := must(t, "grant", "@ada", "admin"); !strings.Contains(out, "@ada has the role admin") {
			t.Errorf("it says %q", out)
		}
		eventually(t, "the role", func() error {
			got := second.query(ada, `{ viewer { account { role } } }`, nil)
			if role := dig(got, "data", "viewer", "account", "role"); role != "ADMIN" {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
	})
	t.Run("a new password is printed alone, and is the only one that fits", func(t *testing.T) {
		out := must(t, "reset-password", "grace")
		password := strings.TrimSpace(out)
		if !regexp.MustCompile(`^[a-z2-7]{20}\n$`).MatchString(out) {
			t.Fatalf("it prints %d bytes", len(out))
		}
		if got := signIn("grace", demoPassword); got != "WRONG_CREDENTIALS" {
			t.Errorf("the old one: got %s", got)
		}
		if got := signIn("grace", password); strings.ToUpper(got) == got {
			t.Errorf("the new one: got %s", got)
		}
		if log := must(t, "audit"); strings.Contains(log, password) || !strings.Contains(log, "password changed") {
			t.Errorf("the log:\n%s", log)
		}
	})
	t.Run("sessions are listed, and ended one by one or all", func(t *testing.T) {
		must(t, "sessions", "@grace", "--revoke-all")
		if out := must(t, "sessions", "@grace"); !strings.Contains(out, "signed in nowhere") {
			t.Errorf("it says %q", out)
		}
		first.signIn("grace")
		first.signIn("grace")
		ids := regexp.MustCompile(`session_\w+`).FindAllString(must(t, "sessions", "@grace"), -1)
		if len(ids) != 2 {
			t.Fatalf("it lists %v", ids)
		}
		if out := must(t, "sessions", "@grace", "--revoke", ids[0]); !strings.Contains(out, "1 session") {
			t.Errorf("it says %q", out)
		}
		if out := must(t, "sessions", "@grace"); strings.Contains(out, ids[0]) || !strings.Contains(out, ids[1]) {
			t.Errorf("left is %s", out)
		}
	})
	t.Run("somebody is shown and erased only by who is sure, and may come back", func(t *testing.T) {
		if out := must(t, "show", "@noor"); !strings.Contains(out, "unverified") {
			t.Errorf("it shows %q", out)
		}
		if _, said, err := admin(t, here, "erase", "@noor"); err == nil || !strings.Contains(said, "--yes") {
			t.Errorf("without --yes: %v, %s", err, said)
		}
		must(t, "erase", "@noor", "--yes")
		if out := must(t, "show", "@noor"); !strings.Contains(out, "deactivated") {
			t.Errorf("it shows %q", out)
		}
		if got := signIn("noor", demoPassword); got != "ACCOUNT_DEACTIVATED" {
			t.Errorf("signing in: got %s", got)
		}
	})
	t.Run("all of it is in the audit log", func(t *testing.T) {
		must(t, "new-epoch")
		log := must(t, "audit", "--since", "1h")
		for _, action := range []string{
			"account.banned", "account.unbanned", "account.erasure_requested", "account.role_granted", "account.password_reset",
			"account.sessions_revoked", "session.revoked", "epoch.renewed",
		} {
			if !regexp.MustCompile(`operator +` + action).MatchString(log) {
				t.Errorf("it lacks %s:\n%s", action, log)
			}
		}
		if of := must(t, "audit", "--account", "ada"); strings.Count(of, "\n") != 2 || !strings.Contains(of, "role USER → ADMIN") {
			t.Errorf("of ada it has\n%s", of)
		}
	})
	t.Run("what can not be done is said in a sentence", func(t *testing.T) {
		for _, c := range []struct {
			want string
			args []string
		}{
			{`There is no account "nobody"`, []string{"ban", "nobody", "--reason", "x"}},
			{`There is no account "nobody@example.org"`, []string{"audit", "--account", "nobody@example.org"}},
			{"--reason", []string{"ban", "ada"}},
			{"A reason has 1 to 500 characters", []string{"ban", "ada", "--reason", " "}},
			{`"user","moderator","admin"`, []string{"grant", "ada", "king"}},
			{"This is not an id", []string{"sessions", "ada", "--revoke", "x"}},
			{"can't be used together", []string{"sessions", "ada", "--revoke", "x", "--revoke-all"}},
			{"at least 1", []string{"audit", "--limit", "0"}},
		} {
			if _, said, err := admin(t, here, c.args...); err == nil || !strings.Contains(said, c.want) {
				t.Errorf("%v: got %v, %s", c.args, err, said)
			}
		}
		_, said, err := admin(t, []string{"CONVENE_DATA=" + dataDir(t)}, "audit")
		if err == nil || !strings.Contains(said, "start convene first") {
			t.Errorf("where nothing runs: got %v, %s", err, said)
		}
	})
	t.Run("every command has an example", func(t *testing.T) {
		for _, name := range []string{"show", "grant", "ban", "unban", "erase", "reset-password", "sessions", "audit", "new-epoch"} {
			out, said, err := admin(t, nil, name, "--help")
			if err != nil || !strings.Contains(out, "Example: convene admin "+name) {
				t.Errorf("%s: got %v\n%s%s", name, err, out, said)
			}
		}
	})
}
