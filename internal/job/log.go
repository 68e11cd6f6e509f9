package job

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// quiet is a logger for river, which says what it can not do; what jobs can not do we say in our own words.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(warnings{log.Handler(), &recently{said: map[string]time.Time{}}})
}

// warnings lets warnings and errors through, each a minute apart: while PostgreSQL is away, every part of
// river says so every second.
type warnings struct {
	slog.Handler
	recently *recently
}

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	// What river can not do because it is being stopped is no news.
	if isStopping(ctx, r) || w.recently.has(r.Message, r.Time) {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}

func isStopping(ctx context.Context, r slog.Record) bool {
	if ctx.Err() != nil {
		return true
	}
	stopping := false
	r.Attrs(func(a slog.Attr) bool {
		text := a.Value.String() // river gives errors, and texts of errors
		stopping = strings.HasSuffix(text, context.Canceled.Error())
		return !stopping
	})
	return stopping
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs), w.recently}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler {
	return warnings{w.Handler.WithGroup(name), w.recently}
}

// recently is what was said within the last minute. River's messages are a fixed set: it does not grow.
type recently struct {
	mu   sync.Mutex
	said map[string]time.Time
}

func (r *recently) has(message string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.said[message]; ok && now.Sub(last) < time.Minute {
		return true
	}
	r.said[message] = now
	return false
}
