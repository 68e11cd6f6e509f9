package transport

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A frame is a message on its way out, in up to three pieces: the body is shared with everybody else who
// gets the same result, so that a queue holds no copies of it.
type frame struct{ head, body, tail []byte }

func (f frame) size() int { return len(f.head) + len(f.body) + len(f.tail) }

// batchSize is how many bytes are written at once, at least one frame.
const batchSize = 32 << 10

// scarce is by how much less may wait for a client while too much waits on the node.
const scarce = 4

// An outbox is the bounded queue between those who produce results and the one that writes them: a goroutine that
// waits in next, or whoever comes when it is called. Nothing but next and await blocks.
type outbox struct {
	limit, droppable, replay int
	patience                 time.Duration
	slow                     *atomic.Int64
	allOwed                  *atomic.Int64 // by the node, up to mostOwed
	mostOwed                 int64
	waiting                  *atomic.Int64 // for all clients of the node, before it is scarce
	mostWaiting              int64
	wake                     chan struct{}
	// call, if there is one, is called instead of a wake when there is something to write and nobody writes. It must
	// not wait.
	call func()

	mu     sync.Mutex
	called bool       // and not all has been written since
	room   *sync.Cond // there may be room again, or nothing to wait for
	frames []frame
	few    [4]frame // where frames begins: enough for a client that keeps up
	size   int
	owed   int // of the size, what was queued as owed
	end    *ending
	flush  *time.Timer // drops what a client is too slow to read after the end
}

func (h *Handler) newOutbox() *outbox {
	o := &outbox{
		limit: h.Limits.Queue, droppable: h.Limits.Droppable, replay: h.Limits.Replay,
		patience: h.Limits.Write, slow: &h.slow, allOwed: &h.owed, mostOwed: h.Limits.Owed,
		waiting: &h.waiting, mostWaiting: h.Limits.Waiting, wake: make(chan struct{}, 1),
	}
	o.room = sync.NewCond(&o.mu)
	return o
}

// push queues a frame. Once more waits than the limit the client is too slow, and the outbox ends.
func (o *outbox) push(f frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.end != nil:
	case !o.takesLocked(f):
		o.shutLocked(endSlow)
	default:
		o.pushLocked(f)
	}
}

// owe queues a frame that was due before the client came, or that is its last: how much that is says
// nothing about how fast it reads, so it does not count against the limit, up to a limit of its own.
func (o *outbox) owe(f frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.end != nil:
	case o.oweLocked(f.size()):
		o.pushLocked(f)
	case !o.takesLocked(f):
		o.shutLocked(endSlow)
	default:
		o.pushLocked(f)
	}
}

// oweLocked counts bytes as owed, if there is room for them.
func (o *outbox) oweLocked(bytes int) bool {
	if o.owed+bytes > o.replay {
		return false
	}
	if o.allOwed.Add(int64(bytes)) > o.mostOwed {
		o.allOwed.Add(-int64(bytes))
		return false
	}
	o.owed += bytes
	return true
}

// settleLocked has no more than so many bytes owed any longer.
func (o *outbox) settleLocked(left int) {
	if left < o.owed {
		o.allOwed.Add(int64(left - o.owed))
		o.owed = left
	}
}

func (o *outbox) isFullLocked() bool {
	limit := o.limit
	if o.waiting.Load() > o.mostWaiting {
		limit /= scarce
	}
	return o.size-o.owed > limit
}

// takesLocked tells whether a frame may wait. One that crosses the limit may, so that a single large result is not
// refused each time, but not while too much waits on the node: then it is for the client to come back.
func (o *outbox) takesLocked(f frame) bool {
	return !o.isFullLocked() && (o.waiting.Load() <= o.mostWaiting || o.size-o.owed+f.size() <= o.limit)
}

// offer queues a frame that may be lost: it is, if something worth waiting for is in front of it.
func (o *outbox) offer(f frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil && o.size <= o.droppable {
		o.pushLocked(f)
	}
}

// try queues frames together if there is room; if not, or if the outbox has ended, it answers false.
func (o *outbox) try(frames ...frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end != nil || o.isFullLocked() {
		return false
	}
	for _, f := range frames {
		o.pushLocked(f)
	}
	return true
}

// await waits until there is room. It answers false once the outbox has ended.
func (o *outbox) await() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.end == nil && o.isFullLocked() {
		o.room.Wait()
	}
	return o.end == nil
}

func (o *outbox) pushLocked(f frame) {
	o.frames = append(o.frames, f)
	o.size += f.size()
	o.waiting.Add(int64(f.size()))
	o.rouse()
}

// shut ends the outbox: nothing more gets in, and what waits has a moment to leave. The first ending
// stays, but a later one can still drop what waits.
func (o *outbox) shut(e ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shutLocked(e)
}

func (o *outbox) shutLocked(e ending) {
	if e.drop {
		o.waiting.Add(int64(-o.size))
		o.frames, o.size = nil, 0
		o.settleLocked(0)
	}
	// net/http tells of a write that took too long twice, and may do so first as of a client that is gone.
	if e.slow && (o.end == nil || *o.end == endGone) {
		o.slow.Add(1)
		slowClosed.WithLabelValues(strconv.Itoa(e.code)).Inc()
	}
	if o.end == nil {
		o.end = &e
		closed.WithLabelValues(strconv.Itoa(e.code)).Inc()
		if len(o.frames) > 0 && e != endDone { // who got all it asked for may take its time
			o.flush = time.AfterFunc(o.patience, func() { o.shut(ending{drop: true}) })
		}
	}
	o.room.Broadcast()
	o.rouse()
}

func (o *outbox) rouse() {
	if o.call != nil {
		if !o.called {
			o.called = true
			o.call()
		}
		return
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// isShut tells whether the outbox has ended, even if something still waits in it.
func (o *outbox) isShut() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end != nil
}

// next waits for frames and takes a batch of them, or the ending once none are left.
func (o *outbox) next(into []frame) ([]frame, *ending) {
	for {
		if batch, end := o.take(into[:0]); len(batch) > 0 || end != nil {
			return batch, end
		}
		<-o.wake
	}
}

// rest tells whether there is nothing left to write: then whoever wrote is called again when there is.
func (o *outbox) rest() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.called = len(o.frames) > 0 || o.end != nil
	return !o.called
}

func (o *outbox) take(into []frame) ([]frame, *ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.frames) == 0 {
		if o.flush != nil {
			o.flush.Stop()
		}
		return into, o.end
	}
	taken, size := 0, 0
	for taken < len(o.frames) && (taken == 0 || size+o.frames[taken].size() <= batchSize) {
		size += o.frames[taken].size()
		taken++
	}
	into = append(into, o.frames[:taken]...)
	clear(o.frames[:taken])
	o.frames = o.frames[taken:]
	if len(o.frames) == 0 {
		o.frames = o.few[:0] // a burst should not cost an idle client memory for ever
	}
	o.size -= size
	o.waiting.Add(int64(-size))
	o.settleLocked(max(0, o.owed-size)) // what is owed came first
	o.room.Broadcast()
	return into, nil
}
