package live

import (
	"bytes"
	"slices"
	"sort"
)

// A roll is the streams of a node as the sweep goes over them: in the order of their ids, so that each part of a round
// is what lies side by side in PostgreSQL too, and is found at half the cost. It is under the hub's lock.
type roll struct {
	// order has the streams of the round, also those that have ended since it began.
	order []*stream
	next  int
	ended int
	// fresh have come since it began. They are in no order, and each is looked at in a part of its own.
	fresh []*stream
}

func (r *roll) add(s *stream) { r.fresh = append(r.fresh, s) }

func (r *roll) remove(s *stream) {
	s.isOver = true
	r.ended++
}

// take adds the streams of a part to some. The first part begins a round: those that are fresh are in it once more,
// before they wait for their place in the order. Every round looks at every stream; what moves a place is that others
// come and go, and so little where there are many.
func (r *roll) take(some []*stream, part int) []*stream {
	var late []*stream
	if part == 0 {
		late = r.begin()
	}
	parts := sweepParts - part
	n := (len(r.order) - r.next + parts - 1) / parts
	side := r.order[r.next : r.next+n]
	r.next += n
	if r.ended == 0 {
		some = append(some, side...)
	} else {
		some = appendLasting(some, side)
	}
	for _, s := range late {
		if n == 0 || compareStreams(s, side[n-1]) > 0 {
			some = append(some, s)
		}
	}
	for _, s := range r.fresh {
		if s.part == part && !s.isOver {
			some = append(some, s)
		}
	}
	return some
}

// begin puts those that are fresh in their places, and answers them.
func (r *roll) begin() []*stream {
	r.next = 0
	if r.ended == 0 && len(r.fresh) == 0 {
		return nil
	}
	late := appendLasting(nil, r.fresh)
	slices.SortFunc(late, compareStreams)
	old := r.order
	r.order = make([]*stream, 0, len(old)+len(late))
	for _, s := range late {
		i := sort.Search(len(old), func(i int) bool { return compareStreams(s, old[i]) < 0 })
		r.order = append(appendLasting(r.order, old[:i]), s)
		old = old[i:]
	}
	r.order = appendLasting(r.order, old)
	r.fresh, r.ended = nil, 0
	return late
}

func appendLasting(some, more []*stream) []*stream {
	for _, s := range more {
		if !s.isOver {
			some = append(some, s)
		}
	}
	return some
}

func compareStreams(a, b *stream) int { return bytes.Compare(a.key.ID[:], b.key.ID[:]) }
