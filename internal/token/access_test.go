package token_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/token"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	t.Run("says whose session it is and ends after a quarter of an hour", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for range 2 { // checked, then remembered
			got, err := b.access.Verify(b.good)
			want := token.Claims{Account: b.account, Session: b.session, IssuedAt: start, ExpiresAt: start.Add(15 * time.Minute)}
			if err != nil || got != want {
				t.Fatalf("got %+v, %v, want %+v", got, err, want)
			}
		}
		b.clock.Add(15*time.Minute - time.Second)
		if _, err := b.access.Verify(b.good); err != nil {
			t.Errorf("a second before its end: %v", err)
		}
		b.clock.Add(time.Second)
		if _, err := b.access.Verify(b.good); !errors.Is(err, token.ErrExpired) {
			t.Errorf("at its end: got %v, want that it has expired", err)
		}
		fresh := token.NewAccess(ring(t, secret(1)), "https://convene.example", b.clock.Now)
		if _, err := fresh.Verify(b.good); !errors.Is(err, token.ErrExpired) {
			t.Errorf("by another node: got %v, want that it has expired", err)
		}
	})
	t.Run("does not outlive its session", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		short := b.sign(t, start.Add(time.Minute))
		got, err := b.access.Verify(short)
		if err != nil || !got.ExpiresAt.Equal(start.Add(time.Minute)) {
			t.Errorf("got %v, %v, want one minute", got.ExpiresAt, err)
		}
	})
	t.Run("is an RFC 9068 token with the thumbprint of its key", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		head, claims := take(t, b.good)
		if head["typ"] != "at+jwt" || head["alg"] != "EdDSA" {
			t.Errorf("the header is %v", head)
		}
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(ring(t, secret(1)).JWKS(), &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("the key set: %v", err)
		}
		if k := set.Keys[0]; head["kid"] != k["kid"] || k["kty"] != "OKP" || k["crv"] != "Ed25519" || k["alg"] != "EdDSA" || k["use"] != "sig" {
			t.Errorf("the key is %v, the token's kid %v", k, head["kid"])
		}
		if claims["iss"] != "https://convene.example" || claims["sub"] != b.account.String() || claims["sid"] != b.session.String() {
			t.Errorf("the claims are %v", claims)
		}
		public, err := base64.RawURLEncoding.DecodeString(set.Keys[0]["x"])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwt.Parse(b.good, func(*jwt.Token) (any, error) { return ed25519.PublicKey(public), nil },
			jwt.WithTimeFunc(b.clock.Now)); err != nil {
			t.Errorf("with the key of the set: %v", err)
		}
	})
	t.Run("outlives a rotation of keys, but not that its key is dropped", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		rotated := ring(t, secret(2), secret(1))
		if _, err := token.NewAccess(rotated, "https://convene.example", b.clock.Now).Verify(b.good); err != nil {
			t.Errorf("after a rotation: %v", err)
		}
		if n := strings.Count(string(rotated.JWKS()), `"kid"`); n != 2 {
			t.Errorf("the set has %d keys, want 2", n)
		}
		dropped := token.NewAccess(ring(t, secret(2)), "https://convene.example", b.clock.Now)
		if _, err := dropped.Verify(b.good); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("with its key dropped: got %v, want a refusal", err)
		}
	})
	t.Run("is not mixed up with others that were checked before", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for i := range 50 {
			b.session = uuid.Must(uuid.NewV7())
			other := b.sign(t, start.Add(time.Hour))
			if got, err := b.access.Verify(other); err != nil || got.Session != b.session {
				t.Fatalf("%d: got %v, %v", i, got.Session, err)
			}
		}
	})
}
