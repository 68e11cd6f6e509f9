package token_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/token"
)

func TestForgedAccess(t *testing.T) {
	t.Parallel()
	type forgery struct {
		head   map[string]any // changes; nil deletes
		claims map[string]any
		sign   func(b bench, input string) []byte
	}
	private := ring(t, secret(1)).SigningKey()
	foreign := ring(t, secret(9)).SigningKey()
	honest := func(_ bench, input string) []byte { return ed25519.Sign(private, []byte(input)) }
	kidOf := func(fill byte) string {
		head, _ := take(t, func() string {
			s, _, err := token.NewAccess(ring(t, secret(fill)), "x", nil).Sign(uuid.New(), uuid.New(), start)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}())
		return head["kid"].(string)
	}
	hs256 := func(key []byte) func(bench, string) []byte {
		return func(_ bench, input string) []byte {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(input))
			return h.Sum(nil)
		}
	}
	for name, c := range map[string]forgery{
		"alg none without a signature":       {head: map[string]any{"alg": "none"}, sign: func(bench, string) []byte { return nil }},
		"alg None":                           {head: map[string]any{"alg": "None"}, sign: honest},
		"no alg":                             {head: map[string]any{"alg": nil}, sign: honest},
		"HS256 with the public key":          {head: map[string]any{"alg": "HS256"}, sign: hs256(private.Public().(ed25519.PublicKey))},
		"HS256 with an empty key":            {head: map[string]any{"alg": "HS256"}, sign: hs256(nil)},
		"a foreign key under our kid":        {sign: func(_ bench, in string) []byte { return ed25519.Sign(foreign, []byte(in)) }},
		"a foreign key under its own kid":    {head: map[string]any{"kid": kidOf(9)}, sign: func(_ bench, in string) []byte { return ed25519.Sign(foreign, []byte(in)) }},
		"a kid that does not exist":          {head: map[string]any{"kid": "../../etc/passwd"}, sign: honest},
		"no kid":                             {head: map[string]any{"kid": nil}, sign: honest},
		"a kid that is a number":             {head: map[string]any{"kid": 1}, sign: honest},
		"type JWT":                           {head: map[string]any{"typ": "JWT"}, sign: honest},
		"no type":                            {head: map[string]any{"typ": nil}, sign: honest},
		"a critical extension":               {head: map[string]any{"crit": []string{"exp"}}, sign: honest},
		"another issuer":                     {claims: map[string]any{"iss": "https://evil.example"}, sign: honest},
		"no issuer":                          {claims: map[string]any{"iss": nil}, sign: honest},
		"another audience":                   {claims: map[string]any{"aud": "elsewhere"}, sign: honest},
		"no audience":                        {claims: map[string]any{"aud": nil}, sign: honest},
		"expired":                            {claims: map[string]any{"exp": start.Add(-time.Second).Unix()}, sign: honest},
		"no expiry":                          {claims: map[string]any{"exp": nil}, sign: honest},
		"an expiry that is text":             {claims: map[string]any{"exp": "tomorrow"}, sign: honest},
		"issued a minute from now":           {claims: map[string]any{"iat": start.Add(time.Minute).Unix()}, sign: honest},
		"no time of issue":                   {claims: map[string]any{"iat": nil}, sign: honest},
		"not valid before a minute from now": {claims: map[string]any{"nbf": start.Add(time.Minute).Unix()}, sign: honest},
		"a subject that is no id":            {claims: map[string]any{"sub": "admin"}, sign: honest},
		"no session":                         {claims: map[string]any{"sid": nil}, sign: honest},
		"another account, signature kept":    {claims: map[string]any{"sub": uuid.NewString()}, sign: func(b bench, _ string) []byte { return signatureOf(t, b.good) }},
		"another session, signature kept":    {claims: map[string]any{"sid": uuid.NewString()}, sign: func(b bench, _ string) []byte { return signatureOf(t, b.good) }},
		"an empty signature":                 {sign: func(bench, string) []byte { return nil }},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			forged := b.forge(t, c.head, c.claims, func(in string) []byte { return c.sign(b, in) })
			for range 2 { // a refusal must not be remembered as a success
				if got, err := b.access.Verify(forged); err == nil {
					t.Fatalf("taken as %+v", got)
				} else if name == "expired" != errors.Is(err, token.ErrExpired) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	t.Run("an honest copy is taken, so the table tests what it says", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		copied := b.forge(t, nil, map[string]any{"iat": start.Add(29 * time.Second).Unix()}, func(in string) []byte { return honest(b, in) })
		if _, err := b.access.Verify(copied); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a change of any character is refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for i := range len(b.good) {
			for _, c := range []byte{'A', '.', '=', '\n', b.good[i] ^ 1} {
				bad := b.good[:i] + string(c) + b.good[i+1:]
				if bad == b.good {
					continue
				}
				if _, err := b.access.Verify(bad); err == nil {
					t.Fatalf("position %d as %q was taken", i, c)
				}
			}
		}
	})
	for name, text := range map[string]string{
		"nothing": "", "dots": "..", "a word": "token", "a megabyte": strings.Repeat("a", 1<<20),
		"four parts": "a.b.c.d", "not JSON": "bm90.anNvbg.c2ln",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			if _, err := setup(t).access.Verify(text); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}
