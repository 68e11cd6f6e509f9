package transport

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// A stream answers one operation with server-sent events. It is the Subscriber of that operation.
//
// Only an operation that is over gets a `complete` event, because clients take it as the end of all.
// A stream that ends for another reason (a shutdown, the end of the credentials, a client that does not
// keep up) just ends: the browser's EventSource and the official client then come back, the first with
// Last-Event-ID.
type stream struct {
	handler *Handler
	out     *outbox
	who     viewer.Viewer
	life    lifetime

	mu             sync.Mutex
	done, standing bool
	refused        fault.Code
}

// The events, but for their data.
var (
	eventEnd     = []byte("\n\n")
	eventNext    = []byte("event: next\ndata: ")
	eventComment = frame{head: []byte(":\n\n")}
	// The empty data is for EventSource, which drops events without.
	eventComplete = frame{head: []byte("event: complete\ndata: \n\n")}
)

// Next queues a result.
func (s *stream) Next(result []byte, cursor string) {
	if s.handler.isTooLarge(overEvents, result, s) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	head := eventNext
	if cursor != "" && !strings.ContainsAny(cursor, "\r\n\x00") {
		head = []byte("event: next\nid: " + cursor + "\ndata: ")
	}
	switch f := (frame{head, onOneLine(result), eventEnd}); {
	case s.done:
	case s.standing:
		s.out.push(f)
	default:
		s.out.owe(f)
	}
}

// Offer queues a result that may be lost.
func (s *stream) Offer(result []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.out.offer(frame{eventNext, onOneLine(result), eventEnd})
	}
}

// stands notes that what was owed from before has been queued.
func (s *stream) stands() fault.Code {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standing = true
	return s.refused
}

// answer delivers the operation's only result and completes it.
func (s *stream) answer(result []byte) {
	if !s.handler.isTooLarge(overEvents, result, s) {
		s.finish(frame{eventNext, onOneLine(result), eventEnd})
	}
}

// Error ends the operation with errors, which clients get as a result without data.
func (s *stream) Error(errs gqlerror.List) {
	s.mu.Lock()
	s.refused = outcome(errs)
	s.mu.Unlock()
	s.finish(frame{eventNext, onOneLine(encode(&graphql.Response{Errors: errs})), eventEnd})
}

// Complete ends the operation.
func (s *stream) Complete() { s.finish() }

func (s *stream) finish(last ...frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.done = true
	for _, f := range append(last, eventComplete) {
		s.out.owe(f)
	}
	s.out.shut(endDone)
}

func (s *stream) end(e ending) { s.out.shut(e) }

func (s *stream) extend(until time.Time) { s.life.extend(until) }

func (s *stream) kill() { s.out.shut(endGone) }

// fail ends the stream because it could not be written.
func (s *stream) fail(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.end(endSlow)
		return
	}
	s.end(endGone)
}

// onOneLine replaces line breaks, which end an event's data. In JSON they are only ever white space.
func onOneLine(text []byte) []byte {
	if !bytes.ContainsAny(text, "\r\n") {
		return text
	}
	return bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, text)
}
