package live

import (
	"context"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A stream is what a node knows of one stream: its head, its recent updates, and who listens.
type stream struct {
	hub    *Hub
	key    Key
	source Source
	nature Nature
	part   int // of the sweep, while the stream is fresh

	// users and isOver are the hub's, under its lock.
	users  int
	isOver bool

	// inbox takes offers without waiting; one goroutine at a time works it off.
	inboxMu sync.Mutex
	inbox   []Update
	settled []settling
	check   bool
	working bool

	// reading lets one read of PostgreSQL serve all who need it.
	reading sync.Mutex

	// mu guards the rest. Whoever holds it may render, and waits for nothing else.
	mu        sync.Mutex
	known     bool   // whether head was read at least once
	epoch     string // the history that head belongs to
	missed    bool   // whether something came before that
	head      int64
	floor     int64
	ring      ring
	begun     int64 // how often reading has begun to read what is missing
	tellAt    time.Time
	groups    map[string]*group
	exclusive int
	kept      kept
}

// A settling is a part of the stream that was read with those of others.
type settling struct {
	Reading
	// epoch is the history that it was read in.
	epoch string
	// isWhole tells that nothing is missing up to the head.
	isWhole bool
}

// readTime is how long PostgreSQL may take to answer.
const readTime = 10 * time.Second

func newStream(h *Hub, key Key, k kind) *stream {
	return &stream{
		hub: h, key: key, source: k.source, nature: k.nature,
		part:   int(maphash.Comparable(h.seed, key) % sweepParts),
		groups: map[string]*group{},
	}
}

// offer takes updates from a writer or from Redis.
func (s *stream) offer(updates ...Update) {
	s.wake(func() { s.inbox = append(s.inbox, updates...) })
}

// settle takes what was read of the stream together with others.
func (s *stream) settle(r settling) { s.wake(func() { s.settled = append(s.settled, r) }) }

// verify asks PostgreSQL whether the head has moved.
func (s *stream) verify() { s.wake(func() { s.check = true }) }

func (s *stream) wake(put func()) {
	s.inboxMu.Lock()
	defer s.inboxMu.Unlock()
	put()
	if !s.working {
		s.working = true
		go s.work()
	}
}

// work delivers what was offered, in order, until nothing is left.
func (s *stream) work() {
	ctx := context.Background()
	var waiting []Update // beyond a gap
	for {
		s.inboxMu.Lock()
		batch, settled, check := slices.Concat(waiting, s.inbox), s.settled, s.check
		s.inbox, s.settled, s.check = nil, nil, false
		if len(batch) == 0 && len(settled) == 0 && !check {
			s.working = false
			s.inboxMu.Unlock()
			return
		}
		s.inboxMu.Unlock()

		sort.SliceStable(batch, func(i, j int) bool { return batch[i].Seq < batch[j].Seq })
		late := len(waiting) > 0
		var err error
		if waiting, err = s.advance(ctx, batch, settled, check, late); err != nil {
			// PostgreSQL is away. The sweep comes by again.
			s.rest()
			return
		}
		if len(waiting) > 0 {
			// A neighbour may just be late.
			time.Sleep(s.hub.o.Reorder)
		}
	}
}

// advance delivers what it can of some updates, and answers those beyond a gap unless it has asked PostgreSQL.
func (s *stream) advance(ctx context.Context, batch []Update, settled []settling, check, late bool) (waiting []Update, err error) {
	if s.nature == Personal {
		s.hub.personal <- struct{}{}
		defer func() { <-s.hub.personal }()
	}
	for _, r := range settled {
		s.mu.Lock()
		isWhole := !s.known || s.epoch != r.epoch || s.fill(r.Reading, r.isWhole)
		s.mu.Unlock()
		check = check || !isWhole
	}
	waiting = s.deliver(batch)
	if check || len(waiting) > 0 && late {
		// Whatever is published has been committed before: what PostgreSQL does not have yet is not so.
		return nil, s.repair(ctx)
	}
	return waiting, nil
}

// rest stops working on an inbox whose truth can't be read.
func (s *stream) rest() {
	s.inboxMu.Lock()
	defer s.inboxMu.Unlock()
	s.inbox, s.settled, s.working = nil, nil, false
}

// deliver gives out what follows the head without a gap and returns the rest.
func (s *stream) deliver(sorted []Update) (beyond []Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known {
		// The head is being read, perhaps with a snapshot from before these updates.
		s.missed = true
		return nil
	}
	var run []Update
	next := s.head + 1
	for i, u := range sorted {
		if u.Seq > next {
			beyond = sorted[i:]
			break
		}
		if u.Seq == next {
			run = append(run, u)
			next++
		}
	}
	s.apply(run...)
	return beyond
}

// repair reads what is missing from PostgreSQL. What has no row up to the head that is read with the
// rows will never have one. A read that another one has begun since this was called does for both.
func (s *stream) repair(ctx context.Context) error {
	s.mu.Lock()
	asked := s.begun
	s.mu.Unlock()
	s.reading.Lock()
	defer s.reading.Unlock()
	s.mu.Lock()
	known, from, isRead := s.known, s.head, s.begun > asked
	if known && !isRead {
		s.begun++
	}
	s.mu.Unlock()
	if !known || isRead {
		return nil
	}
	repairs.Inc()
	for {
		reading, err := s.read(ctx, from)
		s.mu.Lock()
		if err != nil {
			s.begun-- // of no use to those who wait
			s.mu.Unlock()
			return err
		}
		whole := s.fill(reading, len(reading.Updates) <= s.hub.o.Owed)
		from = s.head
		s.mu.Unlock()
		if whole {
			return nil
		}
	}
}

// fill delivers what a reading has beyond the head, and answers whether nothing is missing then. The caller holds mu.
func (s *stream) fill(r Reading, isWhole bool) bool {
	s.apply(r.after(s.head)...)
	if isWhole {
		s.head = max(s.head, r.Seq)
	}
	s.floor = max(s.floor, r.Floor)
	return isWhole
}

// read asks PostgreSQL for what follows a number: one more than may be owed, to tell whether it is more.
func (s *stream) read(ctx context.Context, after int64) (Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	return s.source.Read(ctx, s.key.ID, after, s.hub.o.Owed+1)
}

// cursor is a position in the stream, in the history that its head belongs to.
func (s *stream) cursor(seq int64) Cursor { return Cursor{Key: s.key, Epoch: s.epoch, Seq: seq} }

// apply is the one place where updates reach the subscribers. The caller holds mu and has made sure that
// nothing is left out.
func (s *stream) apply(run ...Update) {
	if len(run) == 0 {
		return
	}
	defer delivering(s, run).end()
	s.head = run[len(run)-1].Seq
	if s.nature == Personal {
		run = latest(run)
		s.ring.reset(s.head)
	} else {
		for _, u := range run {
			s.ring.push(u)
		}
	}
	for _, g := range s.groups {
		g.deliver(s, run)
	}
	s.hub.shelf.note(s)
}

// latest leaves out each update that a later one of the same subject follows.
func latest(run []Update) []Update {
	last := make(map[uuid.UUID]int64, len(run))
	for _, u := range run {
		last[u.Subject] = u.Seq
	}
	return slices.DeleteFunc(slices.Clone(run), func(u Update) bool { return last[u.Subject] != u.Seq })
}

// learn reads the head for the first who attaches.
func (s *stream) learn(ctx context.Context) error {
	isKnown := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.known
	}
	if isKnown() {
		return nil // without waiting for whoever reads now
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if isKnown() {
		return nil
	}
	epoch := s.hub.Epoch()
	reading, err := s.headNow(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.epoch, s.head, s.floor = true, epoch, reading.Seq, reading.Floor
	s.ring.reset(reading.Seq)
	if s.missed {
		s.missed = false
		s.verify()
	}
	return nil
}

// history reads what follows a number for those whose cursor lies below the ring, and lets the ring
// reach back to there if it fits, so that one read serves all who were cut off together.
func (s *stream) history(ctx context.Context, after int64) (Reading, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	s.mu.Lock()
	_, have := s.ring.after(after)
	floor := s.floor
	s.mu.Unlock()
	if have {
		return Reading{Head: Head{Seq: after, Floor: floor}}, nil // another one's read has brought it
	}
	reading, err := s.read(ctx, after)
	if err != nil || len(reading.Updates) > s.hub.o.Owed {
		return reading, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = reading.Floor
	below := sort.Search(len(reading.Updates), func(i int) bool { return reading.Updates[i].Seq > s.ring.from })
	if s.head <= reading.Seq && s.nature == Shared {
		// Else something has come since, and what was read may be stale or leave it out.
		s.ring.prepend(after, reading.Updates[:below])
		s.hub.shelf.note(s)
	}
	s.apply(reading.after(s.head)...)
	s.head = max(s.head, reading.Seq)
	return reading, nil
}

// headNow reads the head alone.
func (s *stream) headNow(ctx context.Context) (Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	return s.source.Read(ctx, s.key.ID, math.MaxInt64, 1)
}

// restart begins anew in another history of the database: everybody has to refetch.
func (s *stream) restart(ctx context.Context, epoch string) {
	s.reading.Lock()
	defer s.reading.Unlock()
	reading, err := s.headNow(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		return // learned in it already
	}
	s.known, s.epoch, s.head, s.floor = err == nil, epoch, reading.Seq, reading.Floor
	s.forget(reading.Seq)
	s.hub.shelf.note(s)
	for _, g := range s.groups {
		members := slices.Collect(maps.Keys(g.members))
		for _, m := range members {
			m.pos = s.head
			if err != nil {
				m.Fail(err)
			}
		}
		if err == nil {
			g.tell(Item{Kind: Resync, Reason: EpochChanged, Cursor: s.cursor(s.head)}, members...)
		}
	}
}
