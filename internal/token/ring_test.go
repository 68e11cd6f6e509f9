package token_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/convenehq/convene/internal/token"
)

func TestRing(t *testing.T) {
	t.Parallel()
	t.Run("refuses to be empty, short secrets and the same one twice", func(t *testing.T) {
		t.Parallel()
		for name, secrets := range map[string][][]byte{
			"none": nil, "short": {secret(1)[:31]}, "twice": {secret(1), secret(2), secret(1)},
		} {
			if _, err := token.NewRing(secrets...); err == nil {
				t.Errorf("%s: got a ring", name)
			}
		}
	})
	t.Run("hashes by purpose, tells parts apart, and answers the same each time", func(t *testing.T) {
		t.Parallel()
		r := ring(t, secret(1))
		one := r.MAC("a", []byte("ab"), []byte("c"))
		if len(one) != 32 {
			t.Errorf("got %d bytes, want 32", len(one))
		}
		if string(one) != string(r.MAC("a", []byte("ab"), []byte("c"))) {
			t.Error("the same parts gave another hash")
		}
		for name, other := range map[string][]byte{
			"another purpose": r.MAC("b", []byte("ab"), []byte("c")),
			"another split":   r.MAC("a", []byte("a"), []byte("bc")),
			"one part":        r.MAC("a", []byte("abc")),
			"an empty part":   r.MAC("a", []byte("ab"), []byte("c"), nil),
			"another secret":  ring(t, secret(2)).MAC("a", []byte("ab"), []byte("c")),
		} {
			if string(one) == string(other) {
				t.Errorf("%s gave the same hash", name)
			}
		}
	})
	t.Run("makes hashes with the newest secret and checks them with any", func(t *testing.T) {
		t.Parallel()
		before, after := ring(t, secret(1)), ring(t, secret(2), secret(1))
		old := before.MAC("p", []byte("x"))
		if !after.CheckMAC("p", old, []byte("x")) {
			t.Error("a hash from before the rotation was refused")
		}
		if string(after.MAC("p", []byte("x"))) == string(old) {
			t.Error("the newest secret was not used")
		}
		if got := after.MACs("p", []byte("x")); len(got) != 2 || string(got[1]) != string(old) {
			t.Error("MACs does not have the older hash second")
		}
		if ring(t, secret(2)).CheckMAC("p", old, []byte("x")) {
			t.Error("a hash by a dropped secret was taken")
		}
		if after.CheckMAC("q", old, []byte("x")) || after.CheckMAC("p", old, []byte("y")) || after.CheckMAC("p", nil, []byte("x")) {
			t.Error("a hash of something else was taken")
		}
	})
	t.Run("gives keys for a purpose, of each secret, newest first, that nobody can spoil", func(t *testing.T) {
		t.Parallel()
		before, after := ring(t, secret(1)), ring(t, secret(2), secret(1))
		got := after.Keys("p")
		if len(got) != 2 || len(got[0]) != 32 || string(got[1]) != string(before.Keys("p")[0]) || string(got[0]) == string(got[1]) {
			t.Error("they are not those of the secrets, in order")
		}
		if string(before.Keys("q")[0]) == string(got[1]) || string(before.MAC("p")) == string(got[1]) {
			t.Error("another purpose has the same key")
		}
		want := string(got[0])
		clear(got[0])
		if string(after.Keys("p")[0]) != want {
			t.Error("who got a key has changed it for others")
		}
	})
	t.Run("may be used by many at once", func(t *testing.T) {
		t.Parallel()
		r := ring(t, secret(1), secret(2))
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				purpose := fmt.Sprint(i % 4)
				if !r.CheckMAC(purpose, r.MAC(purpose, []byte("x")), []byte("x")) {
					t.Error("a fresh hash was refused")
				}
			})
		}
		wg.Wait()
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	t.Run("a new key is one that can be read", func(t *testing.T) {
		t.Parallel()
		one, other := token.NewKey(), token.NewKey()
		if one == other {
			t.Error("two new keys are the same")
		}
		got, err := token.ParseKeys(one + "," + other)
		if err != nil || len(got) != 2 || len(got[0]) != 32 {
			t.Errorf("got %d keys and %v", len(got), err)
		}
	})
	t.Run("both alphabets are read, with padding and without, in their order", func(t *testing.T) {
		t.Parallel()
		raw := []byte("\xfb\xff" + "abcdefghijklmnopqrstuvwxyz0123")
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			got, err := token.ParseKeys(" " + e.EncodeToString(raw) + " , " + token.NewKey() + "\n")
			if err != nil || len(got) != 2 || string(got[0]) != string(raw) {
				t.Errorf("%s: got %v", e.EncodeToString(raw), err)
			}
		}
	})
	t.Run("what is wrong is told without repeating the key", func(t *testing.T) {
		t.Parallel()
		short := base64.RawURLEncoding.EncodeToString([]byte("not-long-enough-for-a-key"))
		for name, c := range map[string]struct{ keys, want string }{
			"nothing":       {"", "empty"},
			"blanks":        {" \n", "empty"},
			"a short key":   {short, "key 1 of CONVENE_KEYS has 25 bytes"},
			"no base64":     {token.NewKey() + ",hunter2!", "key 2 of CONVENE_KEYS is not base64"},
			"a placeholder": {strings.Repeat("A", 43), "key 1 of CONVENE_KEYS is not random"},
			"a comma extra": {token.NewKey() + ",", "key 2 of CONVENE_KEYS has 0 bytes"},
		} {
			_, err := token.ParseKeys(c.keys)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
				continue
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), short) {
				t.Errorf("%s: the error repeats the key: %v", name, err)
			}
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add("")
	f.Add(token.NewKey())
	f.Add(token.NewKey() + "," + token.NewKey() + "=")
	f.Add("hunter2hunter2hunter2!")
	f.Fuzz(func(t *testing.T, text string) {
		secrets, err := token.ParseKeys(text)
		if err == nil {
			if len(secrets) != strings.Count(text, ",")+1 {
				t.Errorf("%q has %d keys", text, len(secrets))
			}
			for _, s := range secrets {
				if len(s) < 32 {
					t.Errorf("%q has a key of %d bytes", text, len(s))
				}
			}
			return
		}
		for _, part := range strings.Split(text, ",") {
			if part = strings.TrimSpace(part); len(part) >= 12 && strings.Contains(err.Error(), part) {
				t.Errorf("the error repeats the key: %v", err)
			}
		}
	})
}
