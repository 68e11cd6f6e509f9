package main_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// facts runs `convene facts …` beside a running node, with something typed, and answers all that it printed.
func facts(t *testing.T, settings []string, typed string, args ...string) (string, error) {
	t.Helper()
	cmd := command(t, append([]string{"facts"}, args...), settings...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(typed), &out, &out
	err := cmd.Run()
	return out.String(), err
}

// A consumer that always fails is seen by the operator, who can mend it or give up; the others go on.
func TestFacts(t *testing.T) {
	t.Parallel()
	here := []string{"CONVENE_DATA=" + dataDir(t)}
	n := start(t, here...)
	must := func(t *testing.T, args ...string) string {
		t.Helper()
		out, err := facts(t, here, "", args...)
		if err != nil {
			t.Fatalf("facts %v: %v\n%s", args, err, out)
		}
		return out
	}
	register := func(name string) (subject string) {
		got := n.query("", `mutation ($i: RegisterInput!) { register(input: $i) { viewer { account { id } } } }`,
			map[string]any{"i": map[string]any{"username": name, "email": name + "@example.org", "password": "correct horse battery"}})
		id, _ := dig(got, "data", "register", "viewer", "account", "id").(string)
		if id == "" {
			t.Fatalf("got %v", got)
		}
		return id
	}
	parked := func(subject string) {
		t.Helper()
		eventually(t, "it is parked", func() error {
			if out := must(t, "parked"); !strings.Contains(out, subject) {
				return fmt.Errorf("got\n%s", out)
			}
			return nil
		})
	}
	o, err := redis.ParseURL(strings.TrimPrefix(n.services()[1], "REDIS_URL="))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })

	// The demo people are on the topic already.
	const key = "convene:topic:NewUser"
	eventually(t, "the demo people are on the topic", func() error {
		if n, err := client.XLen(t.Context(), key).Result(); err != nil || n < 5 {
			return fmt.Errorf("%d entries, %w", n, err)
		}
		return nil
	})
	if out := must(t, "parked"); out != "Nothing is parked.\n" {
		t.Fatalf("got %q", out)
	}
	client.Del(t.Context(), key)
	client.Set(t.Context(), key, "in the way", 0)
	rosa, emil := register("rosa"), register("emil")
	parked(rosa)
	parked(emil)

	t.Run("what fails is shown with what it fails on", func(t *testing.T) {
		out := must(t, "parked")
		// Behind it waits nothing: what else happened to the account is on no topic.
		if !regexp.MustCompile(`topics +\d+ +account\.created +` + rosa + ` +\d+ +0 .*convene:topic:NewUser, which is no stream`).MatchString(out) {
			t.Errorf("got\n%s", out)
		}
	})
	t.Run("the other consumers go on", func(t *testing.T) {
		ada := n.signIn("ada")
		n.send(ada, n.conversation(ada), "Does this still work?")
		eventually(t, "only topics has something left", func() error {
			out := must(t, "queues")
			if !regexp.MustCompile(`feed +0 +- +0\n`).MatchString(out) || !regexp.MustCompile(`topics +2 +\S+ +2\n`).MatchString(out) {
				return fmt.Errorf("got\n%s", out)
			}
			return nil
		})
	})
	t.Run("nothing is dropped without a yes", func(t *testing.T) {
		for _, typed := range []string{"", "n\n", "\n"} {
			out, err := facts(t, here, typed, "drop", "topics", rosa)
			if err == nil || !strings.Contains(out, "account.created") || !strings.Contains(out, "nothing was dropped") {
				t.Errorf("%q: got %v, %s", typed, err, out)
			}
		}
		parked(rosa)
	})
	t.Run("what is dropped is in the audit log, and gone", func(t *testing.T) {
		if out, err := facts(t, here, "y\n", "drop", "topics", rosa); err != nil || !strings.Contains(out, "Dropped") {
			t.Fatalf("got %v, %s", err, out)
		}
		if out := must(t, "parked"); strings.Contains(out, rosa) || !strings.Contains(out, emil) {
			t.Errorf("got\n%s", out)
		}
		log, _, err := admin(t, here, "audit", "--account", "rosa")
		if err != nil || !regexp.MustCompile(`operator +fact\.dropped +@rosa +consumer topics → null, fact \d+ → null, kind account\.created → null`).MatchString(log) {
			t.Errorf("the log: %v\n%s", err, log)
		}
	})
	t.Run("what is mended goes on, at once if the operator says so", func(t *testing.T) {
		client.Del(t.Context(), key)
		if out := must(t, "retry", "topics", "--all"); !strings.Contains(out, "1 subject") {
			t.Errorf("got %s", out)
		}
		eventually(t, "it is on the topic", func() error {
			got, err := client.XRange(t.Context(), key, "-", "+").Result()
			if err != nil || len(got) != 1 || got[0].Values["subject"] != emil {
				return fmt.Errorf("got %v, %w", got, err)
			}
			return nil
		})
		eventually(t, "nothing is parked", func() error {
			if out := must(t, "parked"); out != "Nothing is parked.\n" {
				return fmt.Errorf("got\n%s", out)
			}
			return nil
		})
	})
	t.Run("the catalogue needs nothing that runs", func(t *testing.T) {
		out, err := facts(t, nil, "", "catalogue")
		if err != nil || !strings.HasPrefix(out, "# Facts\n") || !strings.Contains(out, "`account.created`") {
			t.Errorf("got %v, %s", err, out)
		}
	})
	t.Run("what can not be done is said in a sentence", func(t *testing.T) {
		for _, c := range []struct {
			want string
			args []string
		}{
			{`there is no consumer "topic"; there is feed, topics`, []string{"retry", "topic", "--all"}},
			{"topics has nothing parked of that", []string{"drop", "topics", rosa}},
			{"either a subject or --all", []string{"retry", "topics"}},
			{"either a subject or --all", []string{"retry", "topics", rosa, "--all"}},
			{`"x" is no subject`, []string{"drop", "topics", "x"}},
		} {
			if out, err := facts(t, here, "", c.args...); err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%v: got %v, %s", c.args, err, out)
			}
		}
	})
	t.Run("every command has an example", func(t *testing.T) {
		for _, name := range []string{"queues", "parked", "retry", "drop", "catalogue"} {
			out, err := facts(t, nil, "", name, "--help")
			if words := strings.Join(strings.Fields(out), " "); err != nil || !strings.Contains(words, "Example: convene facts "+name) {
				t.Errorf("%s: got %v\n%s", name, err, out)
			}
		}
	})
}
