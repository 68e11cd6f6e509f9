package main

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// A ledger has what the writers asked for, and what they were told of it.
type ledger struct {
	mu sync.Mutex
	// sends are by author and key.
	sends map[sendKey]*sending
	edits map[uuid.UUID]*editing
	reads map[place]int64
	// stands says who blocks whom.
	stands map[pair]standing

	acked, retried, refused int
	failed                  []error
	longest                 time.Duration
}

type sendKey struct {
	author uuid.UUID
	key    string
}

// A sending is a message that somebody tried to send.
type sending struct {
	message uuid.UUID
	seq     int64
	isAcked bool
}

// An editing is what an author has done to a message.
type editing struct {
	// bodies are the texts in the order of the tries; acked is how many of them an acknowledgement covers.
	bodies []string
	acked  int
	// isDeleted says that a deletion was tried, deletionAcked that it was acknowledged.
	isDeleted, deletionAcked bool
}

type place struct {
	account, conversation uuid.UUID
}

// A pair is whoever blocks, and whom.
type pair struct{ blocker, blocked uuid.UUID }

// A standing is what is known of a block: nothing while an attempt has had no answer.
type standing struct{ blocks, isKnown bool }

func newLedger() *ledger {
	return &ledger{
		sends: map[sendKey]*sending{}, edits: map[uuid.UUID]*editing{}, reads: map[place]int64{}, stands: map[pair]standing{},
	}
}

// note changes the ledger.
func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// acknowledged is how many mutations were acknowledged so far.
func (l *ledger) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}
