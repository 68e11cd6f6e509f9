package password_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/password"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	j := judge(t, password.Options{})
	about := []string{"ada.lovelace", "ada@analytical.example.org", "Ada Lovelace", "https://meet.example.com"}
	for kind, all := range map[password.Kind][]string{
		password.Good: {
			"correct horse battery", "gk4-vu8x", "nothing depends on it", "lunch-is-at-noon", "äöüßéñçø",
			"my friend ada has a pony", "tr0ub4dor&3x", "zebra 17 apple", "Ich mag 3 Äpfel", "7402 1853 9266",
		},
		password.Malformed: {"", "seven77", "äääääää", strings.Repeat("0x1f-", 60)},
		password.Known: {
			"password", "PASSWORD", "Password1", "P@ssw0rd", "p@$$w0rd123", "iloveyou", "1q2w3e4r", "qwertyuiop",
			"Sunshine2024", "liverpool123", "drowssap", "dragon123456", "12345678",
		},
		password.Weak: {
			"elephant42", "!dr@gon!", "99999999", "11111111111111", "xbcxbcxbc", "xbcxbcxbcxb", "mnopqrst", "football!!!", "hgfedcba9",
			"zyxwvuts", "sdfghjk1", "aaaabbbbcccc", "87654320", "19840312", "2468013579",
			"lovelace77", "AdaLovelace!", "ada.lovelace1", "4d4l0v3l4c3", "analytical#1", "xada@analytical.example.org",
		},
	} {
		for _, p := range all {
			if got, problem := j.Check(t.Context(), p, about...); got != kind || (problem == "") != (got == password.Good) {
				t.Errorf("%q: got %d %q, want %d", p, got, problem, kind)
			}
		}
	}
}

// The file is what the words make, and holds as many as it says.
func TestCommonList(t *testing.T) {
	t.Parallel()
	words, err := os.ReadFile("words.txt")
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	n, err := password.Grow(bytes.NewReader(words), &made)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("common.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, made.Bytes()) {
		t.Error("common.bin is not what the words make: run go generate ./internal/password")
	}
	if n < 100_000 || len(committed) > 1<<20 {
		t.Errorf("%d passwords in %d bytes", n, len(committed))
	}
}

func TestGoodOnesAreNotTakenForListed(t *testing.T) {
	t.Parallel()
	j := judge(t, password.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		p := fmt.Sprintf("%016x", r.Uint64())
		if kind, problem := j.Check(t.Context(), p); kind == password.Known {
			t.Fatalf("%s: %s", p, problem)
		}
	}
}

func TestOperatorsList(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leaked.txt")
	if err := os.WriteFile(file, []byte("Leaked-Once-5\r\nanother of them\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j := judge(t, password.Options{List: file})
	for p, want := range map[string]password.Kind{
		"leaked-once-5": password.Known, "Another Of Them": password.Known, "none of them": password.Good, "password1": password.Known,
	} {
		if got, _ := j.Check(t.Context(), p); got != want {
			t.Errorf("%q: got %d, want %d", p, got, want)
		}
	}
	if _, err := password.New(password.Options{List: file + ".not"}); err == nil {
		t.Error("a list that is not there was read")
	}
}

func TestOnline(t *testing.T) {
	t.Parallel()
	// The hash of "correct horse battery" by SHA-1, and of another that begins with the same digits.
	const hash = "8DD9F5BF2A9D4A5C9CB52B1F40E5B1B1B6AA36F0"
	for name, c := range map[string]struct {
		status int
		body   func(rest string) string
		want   password.Kind
	}{
		"one that has leaked is refused":             {200, func(rest string) string { return "0000:7\r\n" + rest + ":3\r\n" }, password.Known},
		"one that is there for padding alone is not": {200, func(rest string) string { return rest + ":0\r\n" }, password.Good},
		"one that is not there is let through":       {200, func(string) string { return hash[5:] + ":3\r\n" }, password.Good},
		"without an answer all are let through":      {503, func(rest string) string { return rest + ":3\r\n" }, password.Good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.Path
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body(restOf(chosen))))
			}))
			t.Cleanup(server.Close)
			j := judge(t, password.Options{Online: server.URL + "/range/"})
			if got, _ := j.Check(t.Context(), chosen); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			if want := "/range/" + hashOf(chosen)[:5]; asked != want {
				t.Errorf("%s was asked for, want %s", asked, want)
			}
		})
	}
	t.Run("nobody is asked about what is refused anyway", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
		t.Cleanup(server.Close)
		judge(t, password.Options{Online: server.URL}).Check(t.Context(), "password1")
	})
	t.Run("who can not be reached lets all through", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(nil)
		server.Close()
		if got, _ := judge(t, password.Options{Online: server.URL}).Check(t.Context(), chosen); got != password.Good {
			t.Errorf("got %d", got)
		}
	})
}
