package main_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/token"
)

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	data := dataDir(t)
	first := start(t, "CONVENE_DATA="+data)
	second := start(t, first.services()...)
	ada, grace := first.signIn("ada"), second.signIn("grace")
	conversation := first.conversation(ada)

	t.Run("a message sent on one arrives on the other", func(t *testing.T) {
		events := second.watch(grace, conversation)
		first.send(ada, conversation, "over Redis")
		arrives(t, events, "over Redis")
	})
	t.Run("one node takes the other's tokens", func(t *testing.T) {
		if got := second.query(ada, `{ viewer { profile { username } } }`, nil); dig(got, "data", "viewer", "profile", "username") != "ada" {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("a session that signs out loses its streams on every node, and its token", func(t *testing.T) {
		leaving := first.signIn("grace")
		events := second.watch(leaving, conversation)
		if got := first.query(leaving, `mutation { signOut { userErrors { code } } }`, nil); got["errors"] != nil {
			t.Fatalf("got %v", got)
		}
		ended := make(chan struct{})
		go func() {
			for events.Scan() {
			}
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(deadline):
			t.Fatal("the stream goes on")
		}
		eventually(t, "the token is refused", func() error {
			got := second.query(leaving, `{ viewer { profile { username } } }`, nil)
			if got["errors"] == nil {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
	})
	t.Run("a second start on the same folder is told who holds it", func(t *testing.T) {
		out, err := command(t, nil, "CONVENE_DATA="+data, "ADDR=127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), fmt.Sprint(first.cmd.Process.Pid)) {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
	t.Run("with Redis stopped it still arrives, and both say that they are degraded", func(t *testing.T) {
		if !strings.Contains(first.services()[1], "unix://") {
			t.Skip("the node runs the built-in Redis, which can not be stopped alone")
		}
		events := second.watch(grace, conversation)
		socket := strings.TrimPrefix(strings.TrimPrefix(first.services()[1], "REDIS_URL="), "unix://")
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("SHUTDOWN NOSAVE\r\n"))
		_ = c.Close()
		for _, n := range []*node{first, second} {
			eventually(t, "degraded", func() error {
				answer, err := http.Get(n.url + "/readyz")
				if err != nil {
					return err
				}
				defer func() { _ = answer.Body.Close() }()
				text, _ := io.ReadAll(answer.Body)
				if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "degraded") {
					return errors.New(string(text))
				}
				return nil
			})
		}
		first.send(ada, conversation, "without Redis")
		arrives(t, events, "without Redis")
		if n := strings.Count(second.out.String(), "Redis is away"); n != 1 {
			t.Errorf("the node warns %d times, want once:\n%s", n, second.out)
		}
	})
	t.Run("with PostgreSQL dead requests say UNAVAILABLE, and work again when it is back", func(t *testing.T) {
		first.stop(syscall.SIGKILL) // its PostgreSQL goes with it
		eventually(t, "unavailable", func() error {
			got := second.send(ada, conversation, "into the void")
			errs, _ := got["errors"].([]any)
			if len(errs) == 0 {
				return fmt.Errorf("got %v", got)
			}
			if code := dig(errs[0], "extensions", "code"); code != "UNAVAILABLE" {
				t.Errorf("got %v", errs[0])
			}
			return nil
		})
		start(t, "CONVENE_DATA="+data)
		eventually(t, "available again", func() error {
			got := second.send(ada, conversation, "back again")
			if dig(got, "data", "sendMessage", "message", "seq") == nil {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
	})
	t.Run("a node that is told to stop does", func(t *testing.T) {
		second.stop(syscall.SIGTERM)
		if code := second.cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("it ended with %d:\n%s", code, second.out)
		}
	})
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ setting, want string }{
		"a DATABASE_URL that is none":         {"DATABASE_URL=localhost/convene", "DATABASE_URL"},
		"a DATABASE_URL where nobody answers": {"DATABASE_URL=postgres://u:secret@127.0.0.1:1/convene", "127.0.0.1:1"},
		"a REDIS_URL that is none":            {"REDIS_URL=localhost:6379", "REDIS_URL"},
		"programs that are not there":         {"CONVENE_PG_BIN=/nowhere", "/nowhere"},
		"a misspelt setting":                  {"CONVENE_DATTA=x", "CONVENE_DATTA"},
		"an address that others can reach":    {"ADDR=0.0.0.0:0", "which others can reach"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := []string{"ADDR=127.0.0.1:0", "CONVENE_DATA=" + dataDir(t), c.setting}
			out, err := command(t, nil, settings...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "secret") {
				t.Fatalf("got %v, want a sentence with %q:\n%s", err, c.want, out)
			}
		})
	}
	t.Run("what a setting says is answered in one line, for every command that needs settings", func(t *testing.T) {
		t.Parallel()
		random := "CONVENE_KEYS=" + token.NewKey()
		services := []string{"DATABASE_URL=postgres://127.0.0.1:1/convene", "REDIS_URL=redis://127.0.0.1:1"}
		production := slices.Clip(append([]string{"CONVENE_ENV=production", "CONVENE_URL=https://convene.example.org", "CONVENE_MAIL=off"}, services...))
		for _, c := range []struct {
			command  string
			settings []string
			want     string
		}{
			{"dev", []string{"CONVENE_DATABASE_CONNS=many"}, `CONVENE_DATABASE_CONNS is "many" and has to be a whole number`},
			{"migrate", []string{"CONVENE_LOGS=json"}, "did you mean CONVENE_LOG?"},
			{"serve", production, "CONVENE_KEYS must be set"},
			{"serve", append(production, "CONVENE_KEYS=hunter2"), "key 1 of CONVENE_KEYS has 5 bytes"},
			{"serve", append(production, random, "CONVENE_URL=http://convene.example.org"), "has to begin with https://"},
			{"serve", append(production, random, "CONVENE_SEED=on"), "demo people have no place"},
			{"seed", append(production, random), "the demo people are fictional"},
			{"dev", append(production, random), "say `convene serve`"},
			{"healthcheck", []string{"ADDR=127.0.0.1:1"}, "the node does not answer"},
		} {
			cmd := command(t, []string{c.command}, append(c.settings, "CONVENE_DATA="+t.TempDir())...)
			out, _ := cmd.CombinedOutput()
			said := strings.TrimSuffix(string(out), "\n")
			if !strings.Contains(said, c.want) || strings.Contains(said, "\n") || cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("%s with %q ends with %d and says:\n%s", c.command, c.settings, cmd.ProcessState.ExitCode(), said)
			}
		}
	})
	t.Run("what is wrong with the settings keeps nobody from printing them, or a key", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, []string{"config"}, "CONVENE_ENV=production").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "CONVENE_DATA ") || !strings.Contains(string(out), "must be set") {
			t.Errorf("got %v:\n%s", err, out)
		}
		out, err = command(t, []string{"keys"}, "CONVENE_ENV=production").CombinedOutput()
		if _, bad := token.ParseKeys(string(out)); err != nil || bad != nil {
			t.Errorf("got %v, %v:\n%s", err, bad, out)
		}
	})
	t.Run("a wrong word on the command line is answered with the right ones", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, []string{"srve"}).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "serve") {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
	t.Run("help shows every command with an example", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, []string{"--help"}).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "migrate up") {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
}
