package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// A Request is what a subscriber wants of a stream.
type Request struct {
	Key Key
	// After is the cursor to resume behind; nil for from now on.
	After *Cursor
	// From is the number before which the subscriber sees nothing, for example that of its joining.
	From int64
	// Judged is one more than the stream's head when Sees was made, or 0: hidden updates from there on are
	// given to Sees wherever the subscriber begins.
	Judged int64
	// Plan tells which subscribers share their rendering.
	Plan string
	// Renderer makes the renderer of the plan's first subscriber on the stream.
	Renderer func() (Renderer, error)
	// Exclusive plans are rendered for one subscriber alone; a shared stream has at most MaxExclusive, and of one
	// account at most MaxOwnExclusive.
	Exclusive bool
	// Greets has a subscriber without a cursor given one at once: what it fetches after that has all that came
	// before.
	Greets bool

	// isBehind tells that more is owed than is replayed, as has turned out.
	isBehind bool
}

// How many subscribers of a stream may have a rendering of their own.
const (
	MaxExclusive = 20
	// MaxOwnExclusive of them may be of one account, so that one person's tabs do not take the place of everybody.
	MaxOwnExclusive = 4
)

// MaxOwnPlans is how many renderings of a stream one account may be among the subscribers of. The tabs of an app share
// one; without a bound somebody could have each update rendered as often as they can open subscriptions.
const MaxOwnPlans = 8

// ErrTooManyPlans says that the account has so many already.
var ErrTooManyPlans = errors.New("too many renderings of one stream for one account")

// ErrTooManyExclusive says that the stream has so many such subscribers already.
var ErrTooManyExclusive = errors.New("too many subscribers with a rendering of their own")

// Attach gives the member everything after its cursor and all that follows, until detach is called. It
// returns when the replay has been delivered.
func (h *Hub) Attach(ctx context.Context, r Request, m *Member) (detach func(), err error) {
	if r.After != nil {
		if err := h.confirmEpoch(ctx); err != nil {
			return nil, err
		}
	}
	s, err := h.acquire(r.Key)
	if err != nil {
		return nil, err
	}
	if err := s.attach(ctx, r, m); err != nil {
		m.letGo()
		h.release(s)
		return nil, err
	}
	if m.Attached != nil {
		m.Attached()
	}
	return func() {
		s.detach(m)
		h.release(s)
	}, nil
}

func (s *stream) attach(ctx context.Context, r Request, m *Member) error {
	if err := s.learn(ctx); err != nil {
		return fmt.Errorf("read the head of a stream: %w", err)
	}
	if r.After != nil {
		// A client may be ahead of the node it lands on: catch up first, judge after.
		s.mu.Lock()
		ahead := max(r.After.Seq, r.From) > s.head && r.After.Epoch == s.epoch
		s.mu.Unlock()
		if ahead {
			if err := s.repair(ctx); err != nil {
				return fmt.Errorf("catch up with a client: %w", err)
			}
		}
	}
	var replay []Update // of a personal stream, what lies below the ring
	from := int64(-1)   // up to where the member was given all, or it is in the replay
	for {
		joined, err := s.join(r, m, replay, &from)
		switch {
		case joined:
			return nil
		case errors.Is(err, errUnknown):
			// The database's history changed meanwhile.
			if err := s.learn(ctx); err != nil {
				return fmt.Errorf("read the head of a stream: %w", err)
			}
			replay, from = nil, -1
			continue
		case err != nil:
			return err
		}
		reading, err := s.history(ctx, from)
		if err != nil {
			return fmt.Errorf("read the updates since a cursor: %w", err)
		}
		isPart := len(reading.Updates) > s.hub.o.Owed
		switch {
		case s.nature == Personal:
			replay = append(replay, reading.Updates...)
			from = reading.Seq
		case isPart || !s.reaches(from):
			if isPart { // what follows is read next, if it matters
				reading.Seq = reading.Updates[len(reading.Updates)-1].Seq
			}
			if r, err = s.catchUp(ctx, r, m, reading); err != nil {
				return err
			}
			from = reading.Seq
		}
	}
}

// errUnknown says that the head has to be read first.
var errUnknown = errors.New("the stream's head is not known")

// join makes the member one of the stream's, if what is owed to it beyond the replay is in the ring;
// otherwise from is where more has to be read.
func (s *stream) join(r Request, m *Member, replay []Update, from *int64) (joined bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known {
		return false, errUnknown
	}
	start, reason := s.judge(r)
	if reason == "" && owedAfter(replay, start) > s.hub.o.Owed {
		reason = TooFarBehind
	}
	if reason != "" {
		start = s.head
	}
	// What Sees has to know begins where it was made, which may be before the member's own beginning.
	base := start
	if r.Judged > 0 {
		base = min(base, r.Judged-1)
	}
	*from = max(*from, base)
	owed, ok := s.ring.after(*from)
	if !ok {
		return false, nil
	}
	if reason == "" && owedAfter(replay, start)+owedAfter(owed, start) > s.hub.o.Owed {
		reason, start = TooFarBehind, s.head
	}
	g, err := s.groupOf(r, m.Account)
	if err != nil {
		return false, err
	}
	now := time.Now()
	m.pos, m.told, m.patience = start, now, s.hub.patience()
	g.add(m)
	switch {
	case reason != "":
		g.tell(Item{Kind: Resync, Reason: reason, Cursor: s.cursor(start).salted()}, m)
	case r.After == nil && r.Greets:
		g.tell(Item{Kind: Moved, Cursor: s.cursor(start).salted()}, m)
	}
	if len(replay) > 0 {
		owed = slices.Concat(replay, owed)
	}
	if s.nature == Personal {
		owed = latest(owed)
	}
	given := 0
	g.expecting(s, Reading{Updates: owed}.after(start), []*Member{m}, func() {
		for _, u := range owed {
			if u.Seq > start {
				if g.give(s, m, u, now) {
					given++
				}
			} else if u.Hidden {
				g.follow(m, u)
			}
		}
	})
	deliveries.Add(float64(given))
	m.pos = max(m.pos, s.head)
	s.hub.shelf.note(s)
	return true, nil
}

// owedAfter counts the updates after a number.
func owedAfter(updates []Update, seq int64) (n int) {
	for _, u := range updates {
		if u.Seq > seq {
			n++
		}
	}
	return n
}

// judge says after which number the member begins, or why it has to refetch. The caller holds mu.
func (s *stream) judge(r Request) (int64, ResyncReason) {
	if r.After == nil {
		return s.head, ""
	}
	start := max(r.After.Seq, r.From)
	switch {
	case r.After.Epoch != s.epoch, start > s.head:
		// A number that this history never reached belongs to another one.
		return 0, EpochChanged
	case r.isBehind:
		return 0, TooFarBehind
	case start < s.floor:
		return 0, CursorTooOld
	}
	return start, ""
}

func (s *stream) groupOf(r Request, account uuid.UUID) (*group, error) {
	if r.Exclusive && s.nature == Shared {
		total := 0
		for _, n := range s.exclusive {
			total += n
		}
		if total >= MaxExclusive || s.exclusive[account] >= MaxOwnExclusive {
			return nil, ErrTooManyExclusive
		}
	}
	g, ok := s.groups[r.Plan]
	if !ok {
		if account != uuid.Nil && s.plansOf(account) >= MaxOwnPlans {
			return nil, ErrTooManyPlans
		}
		renderer, err := r.Renderer()
		if err != nil {
			return nil, err
		}
		g = &group{plan: r.Plan, isExclusive: r.Exclusive, renderer: renderer, frames: map[frameKey]frame{}}
		s.groups[r.Plan] = g
	}
	if r.Exclusive && s.nature == Shared {
		if s.exclusive == nil {
			s.exclusive = map[uuid.UUID]int{}
		}
		s.exclusive[account]++
	}
	return g, nil
}

// plansOf counts the groups that an account is in. It looks instead of keeping count: a new plan is rare, and nearly
// every stream has few.
func (s *stream) plansOf(account uuid.UUID) (n int) {
	for _, g := range s.groups {
		if slices.ContainsFunc(g.members, func(m *Member) bool { return m.Account == account }) {
			n++
		}
	}
	return n
}

func (s *stream) detach(m *Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := m.group
	if g.isExclusive && s.nature == Shared {
		if s.exclusive[m.Account]--; s.exclusive[m.Account] == 0 {
			delete(s.exclusive, m.Account)
		}
	}
	if g.remove(m); len(g.members) == 0 && s.groups[g.plan] == g {
		delete(s.groups, g.plan)
		g.renderer.Close()
		s.hub.shelf.note(s)
	}
}
