//go:build unix

package embedded_test

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

// redis sends one command and returns the first line of the answer.
func redis(t *testing.T, address, command string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	network, where := "tcp", u.Host
	if u.Scheme == "unix" {
		network, where = "unix", u.Path
	}
	conn, err := net.Dial(network, where)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// Only the form with lengths is understood by every server.
	words := strings.Fields(command)
	var b strings.Builder
	b.WriteString("*" + itoa(len(words)) + "\r\n")
	for _, w := range words {
		b.WriteString("$" + itoa(len(w)) + "\r\n" + w + "\r\n")
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 512)
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	return line
}

func TestRedis(t *testing.T) {
	t.Parallel()

	t.Run("the built-in one needs no folder, and its keys age", func(t *testing.T) {
		t.Parallel()
		s := start(t, embedded.Options{RedisBin: "mini", NeedRedis: true})
		if !strings.HasPrefix(s.RedisURL, "redis://127.0.0.1:") || !strings.Contains(s.RedisNote, "CONVENE_REDIS_BIN") {
			t.Errorf("it is %s: %s", s.RedisURL, s.RedisNote)
		}
		if got := redis(t, s.RedisURL, "SET k v PX 100"); got != "+OK" {
			t.Fatalf("it answers %q", got)
		}
		if got := redis(t, s.RedisURL, "EXISTS k"); got != ":1" {
			t.Fatalf("it answers %q at once", got)
		}
		embedded.Eventually(t, "the key is gone", func() bool { return redis(t, s.RedisURL, "EXISTS k") == ":0" })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a program works without PostgreSQL", func(t *testing.T) {
		t.Parallel()
		s := start(t, embedded.Options{Dir: embedded.OpenDir(t), NeedRedis: true})
		if s.DatabaseURL != "" {
			t.Errorf("there is a database: %s", s.DatabaseURL)
		}
		if got := redis(t, s.RedisURL, "SET k v"); got != "+OK" {
			t.Errorf("it answers %q", got)
		}
	})

	t.Run("a named program that does not work is an error", func(t *testing.T) {
		t.Parallel()
		dir := embedded.OpenDir(t)
		old := filepath.Join(dir, "old")
		writeProgram(t, old, `echo "Redis server v=5.0.7 sha=00000000:0"`)
		for _, path := range []string{filepath.Join(dir, "none"), old} {
			_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, RedisBin: path, NeedRedis: true})
			if err == nil || !strings.Contains(err.Error(), "CONVENE_REDIS_BIN="+path) {
				t.Errorf("the error is %v", err)
			}
		}
	})

	t.Run("a named program that ends at once is an error with its last words", func(t *testing.T) {
		t.Parallel()
		dir := embedded.OpenDir(t)
		broken := filepath.Join(dir, "broken")
		writeProgram(t, broken, `[ "$1" = --version ] && echo "Valkey server v=8.0.1 sha=0" || { echo "no luck today"; exit 3; }`)
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(dir, "data"), RedisBin: broken, NeedRedis: true})
		if err == nil || !strings.Contains(err.Error(), "no luck today") {
			t.Errorf("the error is %v", err)
		}
	})
}
