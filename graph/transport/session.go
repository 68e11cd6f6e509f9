package transport

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/viewer"
)

// A session speaks graphql-transport-ws over a link. One goroutine reads, and a pen writes; operations run in their own
// and reach the client through the outbox.
type session struct {
	handler *Handler
	link    *link
	out     *outbox
	heard   atomic.Bool    // since the last ping
	running sync.WaitGroup // operations
	written chan struct{}  // closed when nothing is written any more
	life    lifetime
	pace    limit.Pace // of reading
	// controls is the pace of the WebSocket's own pings and pongs. They are read under the link's lock.
	controls limit.Pace

	mu           sync.Mutex
	ctx          context.Context // ends with the session; has who asks
	cancel       context.CancelFunc
	initialised  bool
	acknowledged bool
	viewer       viewer.Viewer
	leave        func() // says that the viewer's connection is closed; nil if nobody was told of it
	operations   map[string]*operation
	places       int // operations that run, or whose goroutine does
	timers       struct{ init, ping *time.Timer }
}

// serve speaks until one side ends it, and leaves nothing running.
func (s *session) serve() {
	// Pings are spread, as a restart makes everybody come back at once.
	spread := time.Duration(rand.Int64N(int64(s.handler.Limits.Ping)/10 + 1))
	s.heard.Store(true)
	s.mu.Lock()
	s.timers.init = time.AfterFunc(s.handler.Limits.Init, func() { s.end(endInitLate) })
	s.timers.ping = time.AfterFunc(s.handler.Limits.Ping-spread, s.ping)
	s.mu.Unlock()
	s.read()
	<-s.written
	s.release()
	s.running.Wait()
}

func (s *session) read() {
	for {
		text, err := s.link.read()
		switch {
		case errors.Is(err, errBinary):
			s.end(endInvalid("binary"))
			return
		case errors.Is(err, errTooBig):
			s.end(endTooBig(s.handler.Limits.Message))
			return
		case err != nil:
			s.end(endGone)
			s.link.lost(err)
			return
		}
		s.heard.Store(true)
		if wait := s.pace.Next(); wait > 0 {
			s.hold(wait)
		}
		if s.out.isShut() {
			return // closing the link reads on, for the answer to the close frame
		}
		if bytes.Equal(text, framePong.head) {
			continue // by far the most that most clients say
		}
		s.receiveApart(text)
		if s.out.isShut() {
			return
		}
	}
}

// heardOf notes a ping or a pong of the WebSocket's own. Each ping is answered, so they are read no faster than messages.
func (s *session) heardOf() {
	s.heard.Store(true)
	if wait := s.controls.Next(); wait > 0 {
		s.hold(wait)
	}
}

// hold waits before the next message is looked at: a client that sends too many finds that nobody reads them,
// and has to wait as well.
func (s *session) hold(wait time.Duration) {
	slowed.Inc()
	select {
	case <-time.After(wait):
	case <-s.ctx.Done():
	}
}

// receiveApart does what a message asks for on a goroutine that ends with it: the one that reads waits for hours, and
// would keep the stack that it once took to find out who somebody is.
func (s *session) receiveApart(text []byte) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if cause := recover(); cause != nil {
				s.handler.Log.ErrorContext(s.ctx, "A socket's reader panicked", "cause", cause)
				s.end(ending{code: 1011, reason: "Internal error"})
			}
		}()
		s.receive(text)
	}()
	<-done
}

// flush writes a batch of what waits, as far as the client takes it at once: what it does not take gets a goroutine of
// its own. It answers whether there is more for a pen to write.
func (s *session) flush(batch *[]frame) (more bool) {
	var end *ending
	if *batch, end = s.out.take((*batch)[:0]); end != nil {
		go s.finish(*end)
		return false
	}
	left, err := s.link.try(*batch)
	clear(*batch)
	switch {
	case err != nil:
		s.lose()
		return false
	case left != nil:
		go s.writeOn(left)
		return false
	}
	return !s.out.rest()
}

// writeOn writes what the client did not take at once, and all that has come since.
func (s *session) writeOn(left *[]byte) {
	for {
		if err := s.link.write(left); err != nil {
			s.lose()
			return
		}
		if s.out.rest() {
			return
		}
		batch, end := s.out.take(nil)
		if end != nil {
			s.finish(*end)
			return
		}
		left = messages(batch)
	}
}

// lose ends a session to which nothing can be written any more.
func (s *session) lose() {
	s.end(endGone)
	s.link.kill()
	close(s.written)
}

// finish says goodbye: nothing is written after it.
func (s *session) finish(e ending) {
	defer close(s.written)
	if e.code == 0 {
		s.link.kill()
		return
	}
	// Cancelled operations have nothing more to say: the outbox is shut.
	s.link.close(e.code, e.reason, s.cancel)
}

// end ends the session: what is left to write is written.
func (s *session) end(e ending) { s.out.shut(e) }

// stalled is called when the client has not read for too long. The link goes on trying for a while, for
// a client that wakes up to learn why it was closed; everything else ends now.
func (s *session) stalled() {
	s.end(endStalled)
	s.cancel()
}

// kill ends the session without waiting for the client.
func (s *session) kill() {
	s.end(endGone)
	s.link.kill()
}

func (s *session) release() {
	s.end(endGone) // what is left is nobody's
	s.cancel()
	s.life.stop()
	s.mu.Lock()
	for _, timer := range []*time.Timer{s.timers.init, s.timers.ping} {
		if timer != nil {
			timer.Stop()
		}
	}
	if s.leave != nil {
		s.leave()
	}
	left := make([]*operation, 0, len(s.operations))
	for _, o := range s.operations {
		left = append(left, o)
	}
	s.mu.Unlock()
	for _, o := range left {
		o.stop()
	}
}

// ping asks whether the client is still there, and ends the session if it has not been heard of since it
// was last asked. Any message counts.
func (s *session) ping() {
	if s.out.isShut() {
		return
	}
	if !s.heard.Swap(false) {
		s.end(endSilent)
		return
	}
	s.out.push(framePing)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timers.ping.Reset(s.handler.Limits.Ping)
}

// receive does what a message asks for.
func (s *session) receive(text []byte) {
	m, err := parseMessage(text)
	if err != nil {
		s.end(endInvalid(err.Error()))
		return
	}
	switch m.kind {
	case typeInit:
		s.initialise(m)
	case typePing:
		s.answer(m)
	case typeSubscribe:
		s.subscribe(m)
	case typeComplete:
		s.mu.Lock()
		o := s.operations[m.id]
		s.mu.Unlock()
		if o != nil { // else it is over already, which the client can't have known
			o.stop()
		}
	}
}

func (s *session) subscribe(m message) {
	params, bad := readParams(strictly(m.payload))
	if bad != nil {
		s.end(endInvalid(errPayload.Error()))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, taken := s.operations[m.id]; {
	case !s.acknowledged:
		s.end(endUnauthorized)
	case taken:
		s.end(endTaken(m.id))
	case s.places >= s.handler.Limits.Operations:
		s.out.push(frame{headOf(m.id, "error"), encodeErrors(gqlerror.List{shown(&fault.Error{
			Code: fault.CodeRateLimited, Message: "This socket runs too many operations already.",
		})}), closing})
	default:
		ctx, cancel := context.WithCancel(s.ctx)
		o := &operation{session: s, id: m.id, head: headOf(m.id, "next"), cancel: cancel}
		s.operations[m.id] = o
		s.places++
		s.running.Add(1)
		go o.run(ctx, params)
	}
}
