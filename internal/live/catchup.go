package live

import (
	"context"
	"math"
	"time"
)

// catchUp gives a member what it missed and what is not remembered, before it joins the others: thousands of updates
// may be owed to somebody who was away, and rendering them must not hold up those who are here. It answers from where
// on the member is to join. Whoever is owed too much, or has to refetch for another reason, is told of hidden updates
// alone.
func (s *stream) catchUp(ctx context.Context, r Request, m *Member, missed Reading) (Request, error) {
	s.mu.Lock()
	start, reason := s.judge(r)
	// Cursors need the epoch, and nothing is kept of what is rendered here.
	apart := &stream{hub: s.hub, key: s.key, epoch: s.epoch, ring: ring{from: math.MaxInt64}}
	s.mu.Unlock()
	if reason == "" && owedAfter(missed.Updates, start) > s.hub.o.Owed {
		r.isBehind, reason = true, TooFarBehind
	}
	isGiven := r.After != nil && reason == "" // else joining says so
	renderer, err := r.Renderer()
	if err != nil {
		return r, err
	}
	defer renderer.Close()
	g := &group{plan: r.Plan, isExclusive: r.Exclusive, renderer: renderer}
	m.pos = start
	g.add(m)
	given, now := 0, time.Now()
	for _, u := range missed.Updates {
		switch {
		case isGiven && u.Seq > start:
			if g.give(apart, m, u, now) {
				given++
			}
		case u.Hidden:
			g.follow(m, u)
		}
		if m.ended != nil {
			return r, m.ended
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
	}
	deliveries.Add(float64(given))
	if isGiven {
		from := *r.After
		from.Seq = max(start, missed.Seq)
		r.After = &from
	}
	return r, nil
}
