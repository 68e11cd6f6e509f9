package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// owedMost is beyond how many updates a client may be told to fetch anew.
const owedMost = 2000

// A finding is what the followers got, held to what PostgreSQL has.
type finding struct {
	deliveries int
	// gaps are entries that a follower sees and did not get although it is past them. unseen ones were
	// delivered to somebody who may not see them, wrong ones are something else than their number says.
	gaps, doubled, disordered, unseen, wrong int
	resyncs, falseResyncs                    int
	examples                                 []string
}

func (f *finding) example(format string, args ...any) {
	if len(f.examples) < 5 {
		f.examples = append(f.examples, fmt.Sprintf(format, args...))
	}
}

// A snapshot is a follower as it was at a moment, before the truth was read.
type snapshot struct {
	*follower
	position int64
	arrivals map[int64]arrival
	resyncs  []resync
}

func (f *follower) snapshot() snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := snapshot{follower: f, position: f.position, resyncs: slices.Clone(f.resyncs), arrivals: make(map[int64]arrival, len(f.arrivals))}
	for seq, a := range f.arrivals {
		s.arrivals[seq] = a
	}
	return s
}

// compare holds a follower to the truth, up to where it is.
func (f *finding) compare(s snapshot, t *truth) {
	f.doubled += s.doubled
	f.disordered += s.disordered
	f.wrong += s.wrong
	f.deliveries += len(s.arrivals)
	f.resyncs += len(s.resyncs)
	var seen []entry
	owed := make([]int, len(s.resyncs)) // what each resync stands for
	known := map[int64]entry{}
	for _, e := range t.entries[s.what.id] {
		known[e.seq] = e
		if e.seq <= s.what.head || e.seq > s.position || !t.sees(s.who.id, s.what, e) {
			continue
		}
		seen = append(seen, e)
	}
	for i, r := range s.resyncs {
		for _, e := range t.entries[s.what.id] {
			if e.seq > r.from && e.seq <= r.to {
				owed[i]++
			}
		}
		if r.reason != "TOO_FAR_BEHIND" || owed[i] <= owedMost {
			f.falseResyncs++
			f.example("resync %s from %d to %d with %d owed", r.reason, r.from, r.to, owed[i])
		}
	}
	isExcused := func(seq int64) bool {
		return slices.ContainsFunc(s.resyncs, func(r resync) bool { return seq > r.from && seq <= r.to })
	}
	for _, e := range seen {
		if _, ok := s.arrivals[e.seq]; !ok && !isExcused(e.seq) {
			f.gaps++
			f.example("gap: %s %d of %s at %s, who is at %d", e.kind, e.seq, s.what.globalID, s.who.profile, s.position)
		}
	}
	for seq, a := range s.arrivals {
		e, ok := known[seq]
		switch {
		case !ok || e.kind != a.kind || e.message != a.message:
			f.wrong++
			f.example("wrong: %s %d of %s at %s", a.kind, seq, s.what.globalID, s.who.profile)
		case !t.sees(s.who.id, s.what, e):
			f.unseen++
			f.example("not to be seen: %s %d of %s at %s", a.kind, seq, s.what.globalID, s.who.profile)
		}
	}
}

// last is the last entry of a conversation that somebody sees; 0 if there is none since they followed it.
func (t *truth) last(who uuid.UUID, c *conversation) int64 {
	for _, e := range slices.Backward(t.entries[c.id]) {
		if e.seq > c.head && t.sees(who, c, e) {
			return e.seq
		}
	}
	return 0
}

// A settlement is what the ledger says, held to what PostgreSQL has.
type settlement struct {
	lost, doubled int
	examples      []string
}

func (s *settlement) lose(format string, args ...any) {
	s.lost++
	if len(s.examples) < 5 {
		s.examples = append(s.examples, "lost: "+fmt.Sprintf(format, args...))
	}
}

// settleUp finds mutations that were acknowledged and are not there, and such as are there twice.
func (l *ledger) settleUp(t *truth) settlement {
	l.mu.Lock()
	defer l.mu.Unlock()
	var s settlement
	for key, sent := range l.sends {
		if m, ok := t.messages[sent.message]; sent.isAcked && (!ok || m.sendKey != key || m.seq != sent.seq) {
			s.lose("message %d with the key %q", sent.seq, key.key)
		}
	}
	times := map[sendKey]int{}
	for _, m := range t.messages {
		if m.key == beginning {
			continue
		}
		if times[m.sendKey]++; times[m.sendKey] > 1 || l.sends[m.sendKey] == nil {
			s.doubled++
		}
	}
	changes := map[uuid.UUID]map[string]int{}
	for _, entries := range t.entries {
		for _, e := range entries {
			if e.kind == kindEdited || e.kind == kindDeleted {
				if changes[e.message] == nil {
					changes[e.message] = map[string]int{}
				}
				changes[e.message][e.kind]++
			}
		}
	}
	for id, e := range l.edits {
		m := t.messages[id]
		if e.deletionAcked && !m.isDeleted {
			s.lose("the deletion of %s", id)
		}
		if e.acked > 0 && !m.isDeleted && !slices.Contains(e.bodies[e.acked-1:], m.body) {
			s.lose("the edit %q", e.bodies[e.acked-1])
		}
		s.doubled += max(0, changes[id][kindEdited]-len(e.bodies)) + max(0, changes[id][kindDeleted]-1)
	}
	for at, seq := range l.reads {
		if t.reads[at] < seq {
			s.lose("a read position of %d, which is %d", seq, t.reads[at])
		}
	}
	for of, standing := range l.stands {
		if standing.isKnown && t.blocks[of] != standing.blocks {
			s.lose("a block that stands: %v, and should: %v", t.blocks[of], standing.blocks)
		}
	}
	return s
}

// A delay is how long a delivery took, from the moment its transaction began or, if that is later, its client
// came back.
type delay struct {
	from time.Time
	took time.Duration
}

// delays are those of all arrivals of a follower.
func (s snapshot) delays(t *truth) (all []delay) {
	for _, e := range t.entries[s.what.id] {
		a, ok := s.arrivals[e.seq]
		if !ok || a.since.IsZero() {
			continue
		}
		from := e.at
		if a.since.After(from) {
			from = a.since
		}
		all = append(all, delay{from, max(0, a.at.Sub(from))})
	}
	return all
}
