package live

import (
	"context"
	"database/sql"
	"fmt"
	"hash/maphash"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/gather"
)

// A stream is what a node knows of one stream: its head, its recent updates, and who listens.
type stream struct {
	hub    *Hub
	key    Key
	source Source
	nature Nature
	heads  *gather.Gatherer[uuid.UUID, Head]
	part   int // of the sweep, while the stream is fresh

	// users, isOver and idle, which ends a stream without users, are the hub's, under its lock.
	users  int
	isOver bool
	idle   *time.Timer

	// inbox takes offers without waiting; one goroutine at a time works it off.
	inboxMu sync.Mutex
	inbox   []Update
	settled []settling
	signals []Signal
	check   bool
	working bool

	// reading lets one read of PostgreSQL serve all who need it.
	reading sync.Mutex

	// mu guards the rest. Whoever holds it may render, and waits for nothing else.
	mu     sync.Mutex
	known  bool   // whether head was read at least once
	epoch  string // the history that head belongs to
	missed bool   // whether something came before that
	head   int64
	floor  int64
	ring   ring
	begun  int64 // how often reading has begun to read what is missing
	tellAt time.Time
	groups map[string]*group
	// exclusive counts the subscribers with a rendering of their own, by account.
	exclusive map[uuid.UUID]int
	// wanted are the numbers behind which somebody waits for history to be read.
	wanted map[int64]int
	kept   kept
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
		hub: h, key: key, source: k.source, nature: k.nature, heads: k.heads,
		part:   int(maphash.Comparable(h.seed, key) % sweepParts),
		groups: map[string]*group{}, wanted: map[int64]int{},
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
		s.hub.hands.take(s)
	}
}

// work delivers what was offered, in order, until nothing is left.
func (s *stream) work() {
	ctx := context.Background()
	var waiting []Update // beyond a gap
	for {
		s.inboxMu.Lock()
		batch, settled, check, signals := slices.Concat(waiting, s.inbox), s.settled, s.check, s.signals
		s.inbox, s.settled, s.check, s.signals = nil, nil, false, nil
		if len(batch) == 0 && len(settled) == 0 && !check && len(signals) == 0 {
			s.working = false
			s.inboxMu.Unlock()
			return
		}
		s.inboxMu.Unlock()

		// First, as who has stopped typing because the message is sent must not seem to begin again.
		s.give(signals)
		if len(batch) == 0 && len(settled) == 0 && !check {
			continue
		}
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
	s.inbox, s.settled, s.signals, s.working = nil, nil, nil, false
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
func (s *stream) cursor(seq int64) Cursor {
	return Cursor{Key: s.key, Epoch: s.epoch, Seq: seq, sealer: s.hub.sealer}
}

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

// learn reads the head for the first who attaches. Whoever comes once it is known does not wait for what is read then.
func (s *stream) learn(ctx context.Context) error {
	if s.isKnown() {
		return nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.isKnown() {
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

func (s *stream) isKnown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// headNow reads the head alone, together with the heads of whichever streams of its kind are asked for now.
func (s *stream) headNow(ctx context.Context) (Head, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	head, found, err := s.heads.Get(ctx, s.key.ID)
	if err == nil && !found && s.nature == Shared {
		return head, fmt.Errorf("read the head of a stream: %w", sql.ErrNoRows)
	}
	return head, err // a personal stream that nobody has written to is empty
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
	refetch := Item{Kind: Resync, Reason: EpochChanged, Cursor: s.cursor(s.head).salted()}
	for _, g := range s.groups {
		for _, m := range g.members {
			m.pos = s.head
			if err != nil {
				m.Fail(err)
			}
		}
		if err == nil {
			g.tell(refetch, g.members...)
		}
	}
}
