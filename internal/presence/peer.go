package presence

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// A peer is another node, and who is with it.
type peer struct {
	people map[uuid.UUID]struct{}
	// heard is when it last said that it lives.
	heard time.Time
	// size is how many people it said there are.
	size int
	// isWhole tells whether people are all of them.
	isWhole bool
}

// applyLocked takes an entry of the stream.
func (t *Tracker) applyLocked(values map[string]any) {
	text := func(field string) string { s, _ := values[field].(string); return s }
	id, err := uuid.FromBytes([]byte(text(fieldNode)))
	if err != nil || id == t.id {
		return
	}
	p, ok := t.peers[id]
	if !ok {
		p = &peer{people: map[uuid.UUID]struct{}{}}
		t.peers[id] = p
	}
	p.heard = time.Now()
	p.size, _ = strconv.Atoi(text(fieldSize))
	if text(fieldAll) != "" {
		p.isWhole = false
	}
	if !p.isWhole {
		return // its set has this and more
	}
	for _, account := range idsOf(text(fieldCame)) {
		t.touchLocked(account)
		p.people[account] = struct{}{}
	}
	for _, account := range idsOf(text(fieldWent)) {
		t.touchLocked(account)
		delete(p.people, account)
	}
	p.isWhole = p.size == len(p.people)
}

func idsOf(text string) (ids []uuid.UUID) {
	for ; len(text) >= 16; text = text[16:] {
		ids = append(ids, uuid.UUID([]byte(text[:16])))
	}
	return ids
}

// load reads the sets of the nodes of which not all is known.
func (t *Tracker) load(ctx context.Context) error {
	sets := map[uuid.UUID]*redis.StringSliceCmd{}
	pipe := t.o.Redis.Pipeline()
	t.mu.Lock()
	for id, p := range t.peers {
		if !p.isWhole {
			sets[id] = pipe.SMembers(ctx, t.people(id))
		}
	}
	t.mu.Unlock()
	if len(sets) == 0 {
		return nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("read who is with another node: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, set := range sets {
		// A set that is not there although there were people was lost, with Redis or by a node that could not reach it:
		// that says nothing of the people. Either the node writes it anew, or it is gone by its silence.
		if p := t.peers[id]; len(set.Val()) > 0 || p.size == 0 {
			t.replaceLocked(p, set.Val())
		}
	}
	return nil
}

func (t *Tracker) replaceLocked(p *peer, set []string) {
	people := make(map[uuid.UUID]struct{}, len(set))
	for _, member := range set {
		if id, err := uuid.FromBytes([]byte(member)); err == nil {
			people[id] = struct{}{}
		}
	}
	for account := range p.people {
		if _, stays := people[account]; !stays {
			t.touchLocked(account)
		}
	}
	for account := range people {
		if _, was := p.people[account]; !was {
			t.touchLocked(account)
		}
	}
	p.people, p.isWhole = people, true
}

// bury lets the people of nodes go that have been silent for the grace.
func (t *Tracker) bury(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, p := range t.peers {
		if now.Sub(p.heard) < t.o.Grace {
			continue
		}
		for account := range p.people {
			t.touchLocked(account)
		}
		delete(t.peers, id)
	}
}
