package live

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// crowd is how many people's signals of one name a stream takes within the time in which it takes one of each: nobody
// reads the names of more who type, and each is given to everybody.
const crowd = 20

// A pace holds signals to how often they may come: those that this node sends, and those that others do, so that who
// goes from node to node is not heard more often.
type pace struct {
	mu    sync.Mutex
	turns map[paceKey]turn
	prune int // how many turns there have to be for old ones to be looked for
}

// A paceKey is one author's signals in a stream; those of everybody with the zero id.
type paceKey struct {
	key    Key
	name   string
	author uuid.UUID
}

// A turn is the time in which only so many are let through.
type turn struct {
	until time.Time
	n     int
}

// allows tells whether a signal may come now, and counts it.
func (p *pace) allows(key Key, sig Signal) bool {
	if sig.Every <= 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forget(now)
	theirs, all := paceKey{key, sig.Name, sig.Author}, paceKey{key, sig.Name, uuid.Nil}
	if p.turns[theirs].until.After(now) {
		return false
	}
	everybody := p.turns[all]
	if !everybody.until.After(now) {
		everybody = turn{until: now.Add(sig.Every)}
	}
	if everybody.n >= crowd {
		droppedSignals.Inc()
		return false
	}
	everybody.n++
	p.turns[all], p.turns[theirs] = everybody, turn{until: now.Add(sig.Every), n: 1}
	return true
}

// forget leaves out what is over, when there is twice as much as was left the last time.
func (p *pace) forget(now time.Time) {
	if p.turns == nil {
		p.turns = map[paceKey]turn{}
	}
	if len(p.turns) <= max(p.prune, 1024) {
		return
	}
	for k, t := range p.turns {
		if !t.until.After(now) {
			delete(p.turns, k)
		}
	}
	p.prune = 2 * len(p.turns)
}
