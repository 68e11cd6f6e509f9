package transport

import (
	"runtime"
	"sync"
)

// Pens write for all sockets of a node: as many goroutines as there are processors, and none while nothing is to be
// written. A goroutine for each socket would cost its stack for ever, and a switch to it for each delivery.
//
// A pen never waits for a client. What a socket does not take at once is written by a goroutine of its own, for as
// long as the client is behind.
type pens struct {
	mu    sync.Mutex
	queue []*session
	taken int // how many of the queue have been
	held  int // pens at work
}

// ask has a pen write for the session, which is not in the queue.
func (p *pens) ask(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken > 0 && len(p.queue) == cap(p.queue) {
		kept := copy(p.queue, p.queue[p.taken:])
		clear(p.queue[kept:])
		p.queue, p.taken = p.queue[:kept], 0
	}
	p.queue = append(p.queue, s)
	if p.held < runtime.GOMAXPROCS(0) {
		p.held++
		go p.write()
	}
}

func (p *pens) write() {
	var batch []frame
	for {
		s := p.next()
		if s == nil {
			return
		}
		if s.flush(&batch) {
			p.ask(s) // others come first
		}
	}
}

// next is the session that has waited longest; nil if none does, and the pen is put down.
func (p *pens) next() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == len(p.queue) {
		p.held--
		p.queue, p.taken = p.queue[:0], 0
		if cap(p.queue) > 1<<10 {
			p.queue = nil
		}
		return nil
	}
	s := p.queue[p.taken]
	p.queue[p.taken] = nil
	p.taken++
	return s
}
