package transport

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// resume lets a subscription go on behind the last event that the client has. The header wins over the
// variable: an EventSource asks for the same URL again each time, with the cursor of its first time.
func resume(op *graphql.OperationContext, r *http.Request) *fault.Error {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return nil
	}
	name := cursorVariable(op)
	declared := op.Operation.VariableDefinitions.ForName(name)
	if declared == nil || declared.Type.NamedType != "String" {
		return nil
	}
	if !utf8.ValidString(last) {
		return fault.BadRequest(nil, "Last-Event-ID is not valid UTF-8.")
	}
	op.Variables[name] = last
	return nil
}

// serveStream answers with an event stream of what run delivers.
func (h *Handler) serveStream(
	ctx context.Context, w http.ResponseWriter, r *http.Request, run func(context.Context, recipient),
) {
	s := &stream{handler: h, out: h.newOutbox(), who: viewer.From(r.Context())}
	if err := h.connections.enter(s, seatOf(r)); err != nil {
		turnAway(w, r, err)
		return
	}
	defer h.connections.leave(s)
	h.streams.Add(1)
	defer h.streams.Add(-1)

	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(r.Context(), func() { s.end(endGone) })()
	if !s.life.begin(expiryOf(r.Context()), func() { s.end(endExpired) }) {
		s.end(endExpired)
	}
	defer s.life.stop()
	defer s.beat(h.Limits.Heartbeat)()

	header := w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	s.out.push(eventComment) // some browsers open a stream only with its first bytes

	ran := make(chan struct{})
	go func() {
		defer close(ran)
		run(ctx, s)
	}()
	s.write(w, h.Limits.Write)
	s.kill() // what is left is nobody's
	cancel()
	<-ran
}

// beat queues a comment now and then; the function that it returns stops that.
func (s *stream) beat(every time.Duration) (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(every, func() {
		s.out.push(eventComment)
		mu.Lock()
		defer mu.Unlock()
		if !s.out.isShut() {
			timer.Reset(every)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		timer.Stop()
	}
}

// write writes what is queued until the outbox ends or the client does not take it.
func (s *stream) write(w http.ResponseWriter, patience time.Duration) {
	control := http.NewResponseController(w)
	// The server's own timeouts are for requests that are answered at once. Neither deadline is to be
	// had from a test's recorder, which needs none.
	_ = control.SetReadDeadline(time.Time{})
	var batch []frame
	for {
		var end *ending
		batch, end = s.out.next(batch)
		_ = control.SetWriteDeadline(time.Now().Add(patience))
		if end != nil {
			return
		}
		for _, f := range batch {
			for _, piece := range [][]byte{f.head, f.body, f.tail} {
				for part := range slices.Chunk(piece, batchSize) {
					if len(part) == batchSize { // each part of a large piece has its own time
						_ = control.SetWriteDeadline(time.Now().Add(patience))
					}
					if _, err := w.Write(part); err != nil {
						s.fail(err)
						return
					}
				}
			}
		}
		if err := control.Flush(); err != nil {
			s.fail(err)
			return
		}
		_ = control.SetWriteDeadline(time.Time{}) // over HTTP/2 it would end a stream that has nothing to say
		clear(batch)
		if cap(batch) > 16 {
			batch = nil
		}
	}
}
