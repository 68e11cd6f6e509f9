package main_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Where nobody joins without an invite, the operator lets the first in, and the demo people are there all the same.
func TestInviteOnly(t *testing.T) {
	t.Parallel()
	here := []string{"CONVENE_DATA=" + dataDir(t)}
	n := start(t, append(here, "CONVENE_INVITE_ONLY=on")...)
	if n.signIn("ada") == "" {
		t.Error("the demo people are not there")
	}
	register := func(name, code string) string {
		got := n.query("", `mutation ($i: RegisterInput!) { register(input: $i) { viewer { account { username } } userErrors { code } } }`,
			map[string]any{"i": map[string]any{"username": name, "email": name + "@example.org", "password": "correct horse battery", "inviteCode": code}})
		if errs, _ := dig(got, "data", "register", "userErrors").([]any); len(errs) > 0 {
			return fmt.Sprint(dig(errs[0], "code"))
		}
		return fmt.Sprint(dig(got, "data", "register", "viewer", "account", "username"))
	}
	if got := register("first", ""); got != "INVITE_CODE_REQUIRED" {
		t.Errorf("without a code: got %s", got)
	}
	code, said, err := admin(t, here, "invite", "--days", "2")
	if err != nil || !regexp.MustCompile(`^([0-9a-z]{4}-){4}[0-9a-z]{4}\n$`).MatchString(code) {
		t.Fatalf("got %v: %q\n%s", err, code, said)
	}
	code = strings.TrimSpace(code)
	if !strings.Contains(said, "/r/"+code) {
		t.Errorf("it says %s", said)
	}
	if got := register("first", code); got != "first" {
		t.Errorf("with a code: got %s", got)
	}
	if got := register("second", code); got != "INVITE_CODE_INVALID" {
		t.Errorf("with the same code: got %s", got)
	}
	code, said, err = admin(t, here, "invite", "--uses", "100", "--days", "90")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`invitecode_\w+`).FindString(said)
	if _, said, err := admin(t, here, "invite", "--revoke", id); err != nil {
		t.Fatalf("revoke %s: %v\n%s", id, err, said)
	}
	if got := register("second", strings.TrimSpace(code)); got != "INVITE_CODE_INVALID" {
		t.Errorf("with a code that was ended: got %s", got)
	}
	for _, args := range [][]string{{"invite", "--uses", "0"}, {"invite", "--days", "91"}, {"invite", "--revoke", "x"}} {
		if _, said, err := admin(t, here, args...); err == nil || strings.Contains(said, "panic") {
			t.Errorf("%v: got %v, %s", args, err, said)
		}
	}
}
