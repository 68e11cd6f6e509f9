package testkit

import (
	"strings"
	"sync"
	"testing"

	"github.com/convenehq/convene/internal/db"
)

// Heard are the statements of a pool, whoever's they are: those that several people share run in nobody's context.
type Heard struct {
	mu    sync.Mutex
	texts []string
}

// Overhear opens one more pool on a database whose statements are heard.
func Overhear(t testing.TB, databaseURL string) (*db.DB, *Heard) {
	t.Helper()
	h := &Heard{}
	return open(t, databaseURL, func(text string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.texts = append(h.texts, text)
	}), h
}

// About are the statements since the last Forget that have one of the words in their text.
func (h *Heard) About(words ...string) (texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range h.texts {
		for _, word := range words {
			if strings.Contains(text, word) {
				texts = append(texts, text)
				break
			}
		}
	}
	return texts
}

// Forget forgets what was heard so far.
func (h *Heard) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.texts = nil
}
