package password_test

import (
	"crypto/sha1"
	"fmt"
	"log/slog"
	"testing"

	"github.com/convenehq/convene/internal/password"
)

// chosen is a password that no list here has.
const chosen = "correct horse battery"

func hashOf(p string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(p))) }

func restOf(p string) string { return hashOf(p)[5:] }

func judge(t *testing.T, o password.Options) *password.Judge {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	j, err := password.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
