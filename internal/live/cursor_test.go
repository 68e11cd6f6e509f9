package live_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
)

// sealing is a hub in an epoch, with keys of its own.
func sealing(t testing.TB, epoch string, keys ...string) *live.Hub {
	t.Helper()
	h := live.New(live.Options{Epoch: func(context.Context) (string, error) { return epoch, nil }})
	var secrets [][]byte
	for _, key := range keys {
		secrets = append(secrets, []byte(strings.Repeat(key, 32)))
	}
	h.Seal(secrets...)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// plain is a cursor as it was before cursors were sealed.
func plain(key live.Key, epoch string, seq int64) string {
	b := append([]byte{1, byte(len(key.Kind)), byte(len(epoch))}, key.Kind+epoch...)
	b = binary.BigEndian.AppendUint64(append(b, key.ID[:]...), uint64(seq))
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestCursor(t *testing.T) {
	t.Parallel()
	t.Run("what was sealed is opened again, for the same stream alone", func(t *testing.T) {
		t.Parallel()
		h := sealing(t, "epoch", "k")
		rapid.Check(t, func(rt *rapid.T) {
			key := live.Key{Kind: rapid.StringN(0, 20, 40).Draw(rt, "kind"), ID: uuid.New()}
			seq := rapid.Int64Min(0).Draw(rt, "seq")
			text := h.Cursor(key, seq).String()
			got, err := h.ParseCursor(key, text)
			if err != nil || got.Key != key || got.Seq != seq || got.Epoch != "epoch" {
				rt.Fatalf("got %v, %v", got, err)
			}
			for _, other := range []live.Key{{Kind: key.Kind, ID: uuid.New()}, {Kind: key.Kind + "x", ID: key.ID}} {
				if _, err := h.ParseCursor(other, text); err == nil {
					rt.Fatal("a cursor of another stream is taken")
				}
			}
		})
	})
	t.Run("two that say the same look as different as two that do not", func(t *testing.T) {
		t.Parallel()
		h := sealing(t, "epoch", "k")
		key := live.Key{Kind: "c", ID: uuid.New()}
		seen := map[string]bool{}
		for i := range 1000 {
			text := h.Cursor(key, 7+int64(i%2)).String()
			if seen[text] || len(text) > 64 {
				t.Fatalf("%q again, or too long", text)
			}
			seen[text] = true
		}
	})
	t.Run("it outlives a rotation of keys, and where its key was dropped its bearer is told to refetch", func(t *testing.T) {
		t.Parallel()
		key := live.Key{Kind: kind, ID: uuid.New()}
		before, rotated := sealing(t, "epoch", "a"), sealing(t, "epoch", "b", "a")
		text := before.Cursor(key, 5).String()
		if c, err := rotated.ParseCursor(key, text); err != nil || c.Seq != 5 || c.Epoch != "epoch" {
			t.Errorf("after a rotation: %v, %v", c, err)
		}
		if c, err := sealing(t, "epoch", "b").ParseCursor(key, text); err != nil || c.Epoch != "" {
			t.Errorf("with its key dropped: %v, %v", c, err)
		}
	})
	t.Run("one from before cursors were sealed is told to refetch, whatever its number", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		h := hub(t, l, live.Options{})
		id := uuid.New()
		l.write(t, id, "first", 0)
		for seq := range int64(3) {
			read(t, h, id, plain(live.Key{Kind: kind, ID: id}, "epoch", seq)).want(t, "resync:EPOCH_CHANGED")
		}
		_, err := h.ParseCursor(live.Key{Kind: kind, ID: uuid.New()}, plain(live.Key{Kind: kind, ID: id}, "epoch", 1))
		var bad *fault.Error
		if !errors.As(err, &bad) || bad.Code != fault.CodeBadRequest {
			t.Errorf("of another stream: got %v", err)
		}
	})
	t.Run("no other text is taken", func(t *testing.T) {
		t.Parallel()
		h := sealing(t, "epoch", "k")
		key := live.Key{Kind: kind, ID: uuid.New()}
		whole, _ := base64.RawURLEncoding.DecodeString(h.Cursor(key, 5).String())
		for i := range whole {
			forged := append([]byte(nil), whole...)
			forged[i] ^= 1
			c, err := h.ParseCursor(key, base64.RawURLEncoding.EncodeToString(forged))
			if err == nil && c.Epoch != "" {
				t.Errorf("with byte %d changed it is %v", i, c)
			}
			if _, err := h.ParseCursor(key, base64.RawURLEncoding.EncodeToString(whole[:i])); i < 17 && i != 1 && err == nil {
				t.Errorf("%d bytes of it are taken", i)
			}
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	key := live.Key{Kind: kind, ID: uuid.Nil}
	h := sealing(f, "e", "k")
	f.Add(h.Cursor(key, 3).String())
	f.Add(plain(key, "e", 3))
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := h.ParseCursor(key, text)
		if err == nil && c.Epoch != "" && c.String() != text {
			t.Fatalf("%q and %q are the same cursor", text, c.String())
		}
	})
}
