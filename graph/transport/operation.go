package transport

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// An operation is one that a client runs over a socket, from its subscribe message until either side
// completes it. It is the Subscriber of what it runs.
type operation struct {
	session *session
	id      string
	head    []byte // of every result
	cancel  context.CancelFunc

	// Guarded by the session's lock: what is done sends nothing more, and its id is free again.
	done, returned, subscribed, standing bool
	refused                              fault.Code
}

// run executes the operation.
func (o *operation) run(ctx context.Context, r *request) {
	defer o.session.running.Done()
	defer o.leave()
	h := o.session.handler
	errs := h.admit(ctx, overSocket)
	var op *graphql.OperationContext
	if len(errs) == 0 {
		ctx, op, errs = h.prepare(ctx, overSocket, r)
	}
	if len(errs) == 0 {
		errs = h.weigh(ctx, overSocket, op)
	}
	if len(errs) > 0 {
		o.Error(errs)
		return
	}
	if op.Operation.Operation == ast.Subscription && !o.subscribe() {
		return
	}
	h.perform(ctx, overSocket, op, o)
}

// Next queues a result.
func (o *operation) Next(result []byte, _ string) {
	if o.session.handler.isTooLarge(overSocket, result, o) {
		return
	}
	o.session.mu.Lock()
	defer o.session.mu.Unlock()
	switch {
	case o.done:
	case o.standing:
		o.session.out.push(frame{o.head, result, closing})
	default:
		o.session.out.owe(frame{o.head, result, closing})
	}
}

// stands notes that what was owed from before has been queued.
func (o *operation) stands() fault.Code {
	o.session.mu.Lock()
	defer o.session.mu.Unlock()
	o.standing = true
	return o.refused
}

// Offer queues a result that may be lost.
func (o *operation) Offer(result []byte) {
	o.session.mu.Lock()
	defer o.session.mu.Unlock()
	if !o.done {
		o.session.out.offer(frame{o.head, result, closing})
	}
}

// answer delivers the operation's only result and completes it. Other than a subscription's, it waits
// for room: nobody else waits with it, and a slow line is no reason to refuse a few large results.
func (o *operation) answer(result []byte) {
	if o.session.handler.isTooLarge(overSocket, result, o) {
		return
	}
	for s := o.session; ; {
		s.mu.Lock()
		if o.done {
			s.mu.Unlock()
			return
		}
		if s.out.try(frame{o.head, result, closing}, completeOf(o.id)) {
			o.endLocked()
			s.mu.Unlock()
			o.cancel()
			return
		}
		s.mu.Unlock()
		if !s.out.await() {
			return
		}
	}
}

// Error ends the operation with errors.
func (o *operation) Error(errs gqlerror.List) {
	o.session.mu.Lock()
	o.refused = outcome(errs)
	o.session.mu.Unlock()
	o.finish(frame{headOf(o.id, "error"), encodeErrors(errs), closing})
}

// Complete ends the operation.
func (o *operation) Complete() { o.finish(completeOf(o.id)) }

// finish ends the operation and tells the client. Both happen under one lock, so that the client can use
// the id again as soon as it reads this, and gets nothing of the old operation under the new one.
func (o *operation) finish(last frame) {
	s := o.session
	s.mu.Lock()
	if o.done {
		s.mu.Unlock()
		return
	}
	o.endLocked()
	s.out.push(last)
	s.mu.Unlock()
	o.cancel()
}

// stop ends the operation without a word: the client asked for it, or is gone.
func (o *operation) stop() {
	o.session.mu.Lock()
	if !o.done {
		o.endLocked()
	}
	o.session.mu.Unlock()
	o.cancel()
}

func (o *operation) endLocked() {
	o.done = true
	delete(o.session.operations, o.id)
	if o.subscribed {
		o.session.handler.subscribed.Add(-1)
	}
	o.freeLocked()
}

// subscribe counts the operation as a running subscription, if it still runs.
func (o *operation) subscribe() bool {
	o.session.mu.Lock()
	defer o.session.mu.Unlock()
	if o.done {
		return false
	}
	o.subscribed = true
	o.session.handler.subscribed.Add(1)
	return true
}

func (o *operation) leave() {
	o.session.mu.Lock()
	defer o.session.mu.Unlock()
	o.returned = true
	o.freeLocked()
}

// freeLocked gives the operation's place to another one when it is over and its goroutine too: a client
// that completes what it has just started should not get more done at once than others.
func (o *operation) freeLocked() {
	if o.done && o.returned {
		o.session.places--
	}
}
