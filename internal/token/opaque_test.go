package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/token"
)

func TestOpaque(t *testing.T) {
	t.Parallel()
	session := uuid.Must(uuid.NewV7())
	t.Run("a refresh token says its session and generation, and is the same each time", func(t *testing.T) {
		t.Parallel()
		r := ring(t, secret(1))
		for _, generation := range []uint32{0, 1, 1<<32 - 1} {
			want := token.Refresh{Session: session, Generation: generation}
			text := r.SignRefresh(want)
			if got, err := r.ParseRefresh(text); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			if r.SignRefresh(want) != text {
				t.Error("made again it is another")
			}
		}
	})
	t.Run("a cookie says its session", func(t *testing.T) {
		t.Parallel()
		r := ring(t, secret(1))
		if got, err := r.ParseCookie(r.SignCookie(session)); err != nil || got != session {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("neither passes for the other", func(t *testing.T) {
		t.Parallel()
		r := ring(t, secret(1))
		if _, err := r.ParseCookie(r.SignRefresh(token.Refresh{Session: session})); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("a refresh token as a cookie: %v", err)
		}
		if _, err := r.ParseRefresh(r.SignCookie(session)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("a cookie as a refresh token: %v", err)
		}
	})
	t.Run("both outlive a rotation of keys, but not that their key is dropped", func(t *testing.T) {
		t.Parallel()
		old, rotated, dropped := ring(t, secret(1)), ring(t, secret(2), secret(1)), ring(t, secret(2))
		refresh, cookie := old.SignRefresh(token.Refresh{Session: session}), old.SignCookie(session)
		if _, err := rotated.ParseRefresh(refresh); err != nil {
			t.Errorf("the refresh token after a rotation: %v", err)
		}
		if _, err := rotated.ParseCookie(cookie); err != nil {
			t.Errorf("the cookie after a rotation: %v", err)
		}
		if _, err := dropped.ParseRefresh(refresh); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("the refresh token with its key dropped: %v", err)
		}
		if _, err := dropped.ParseCookie(cookie); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("the cookie with its key dropped: %v", err)
		}
	})
	t.Run("a change of any character is refused", func(t *testing.T) {
		t.Parallel()
		r := ring(t, secret(1))
		refresh, cookie := r.SignRefresh(token.Refresh{Session: session}), r.SignCookie(session)
		for _, c := range []byte("A_z.=\n\r ") {
			for i := range len(refresh) {
				if bad := refresh[:i] + string(c) + refresh[i+1:]; bad != refresh {
					if _, err := r.ParseRefresh(bad); err == nil {
						t.Fatalf("refresh token with position %d as %q was taken", i, c)
					}
				}
			}
			for i := range len(cookie) {
				if bad := cookie[:i] + string(c) + cookie[i+1:]; bad != cookie {
					if _, err := r.ParseCookie(bad); err == nil {
						t.Fatalf("cookie with position %d as %q was taken", i, c)
					}
				}
			}
		}
	})
}

func FuzzParseRefresh(f *testing.F) {
	r, err := token.NewRing(secret(1), secret(2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add(r.SignRefresh(token.Refresh{Session: uuid.New(), Generation: 3}))
	f.Add(r.SignCookie(uuid.New()))
	f.Add(strings.Repeat("A", 76))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := r.ParseRefresh(text)
		if err == nil && r.SignRefresh(got) != text {
			t.Errorf("%q was taken as %+v and is not what is made of it", text, got)
		}
		if session, err := r.ParseCookie(text); err == nil && r.SignCookie(session) != text {
			t.Errorf("%q was taken as the cookie of %v and is not what is made of it", text, session)
		}
	})
}
