package token_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/token"
)

var start = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)

func secret(fill byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = fill + byte(i)
	}
	return b
}

func ring(t testing.TB, secrets ...[]byte) *token.Ring {
	t.Helper()
	r, err := token.NewRing(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bench is what the tests of access tokens start from.
type bench struct {
	access           *token.Access
	clock            *clock
	account, session uuid.UUID
	good             string
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setup(t testing.TB) bench {
	t.Helper()
	b := bench{clock: &clock{now: start}, account: uuid.Must(uuid.NewV7()), session: uuid.Must(uuid.NewV7())}
	b.access = token.NewAccess(ring(t, secret(1)), "https://convene.example", b.clock.Now)
	b.good = b.sign(t, start.Add(time.Hour))
	return b
}

func (b bench) sign(t testing.TB, sessionEnds time.Time) string {
	t.Helper()
	signed, _, err := b.access.Sign(b.account, b.session, sessionEnds)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// take decodes a token's header and claims.
func take(t testing.TB, signed string) (head, claims map[string]any) {
	t.Helper()
	parts := strings.Split(signed, ".")
	for i, into := range []*map[string]any{&head, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	return head, claims
}

func signatureOf(t testing.TB, signed string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(signed[strings.LastIndexByte(signed, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// forge makes a token like the good one, with changes.
func (b bench) forge(t testing.TB, head, claims map[string]any, sign func(string) []byte) string {
	t.Helper()
	goodHead, goodClaims := take(t, b.good)
	encode := func(good, changes map[string]any) string {
		for k, v := range changes {
			if good[k] = v; v == nil {
				delete(good, k)
			}
		}
		raw, err := json.Marshal(good)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	input := encode(goodHead, head) + "." + encode(goodClaims, claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

func BenchmarkVerify(b *testing.B) {
	bench := setup(b)
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			if _, err := bench.access.Verify(bench.good); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		r := ring(b, secret(1))
		for b.Loop() {
			if _, err := token.NewAccess(r, "https://convene.example", bench.clock.Now).Verify(bench.good); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refresh", func(b *testing.B) {
		r := ring(b, secret(1))
		text := r.SignRefresh(token.Refresh{Session: bench.session})
		for b.Loop() {
			if _, err := r.ParseRefresh(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
