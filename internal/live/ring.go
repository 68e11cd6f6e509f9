package live

import (
	"sort"

	"github.com/google/uuid"
)

// How much a stream remembers for those who resume.
const (
	ringUpdates = 512
	ringBytes   = 1 << 20
)

// A ring is the most recent updates of a stream, without a gap: every update above from, up to the
// stream's head.
type ring struct {
	from    int64
	updates []Update
	bytes   int
	// cuts counts how often something was forgotten.
	cuts int
}

// reset forgets everything up to a number.
func (r *ring) reset(from int64) { *r = ring{from: from, cuts: r.cuts + 1} }

// push adds the newest update. It forgets the oldest where it grows too large, and everything up to the
// last update of the same subject: what that one says is no longer so.
func (r *ring) push(u Update) {
	cut := 0
	forget := func() {
		r.bytes -= len(r.updates[cut].Data)
		r.from = r.updates[cut].Seq
		cut++
	}
	for range r.stale(u.Subject) {
		forget()
	}
	r.updates = append(r.updates, u)
	r.bytes += len(u.Data)
	// Cut down only when it is twice as much, so that not every update moves all the others.
	if len(r.updates)-cut > 2*ringUpdates || r.bytes > 2*ringBytes {
		for len(r.updates)-cut > ringUpdates || r.bytes > ringBytes && len(r.updates)-cut > 1 {
			forget()
		}
	}
	if cut > 0 {
		r.cuts++
		// Copied, so that what was cut off can be freed.
		r.updates = append(make([]Update, 0, len(r.updates)-cut), r.updates[cut:]...)
	}
}

// stale is how many updates from the oldest on go when a newer one of the subject comes.
func (r *ring) stale(subject uuid.UUID) int {
	if subject == uuid.Nil {
		return 0
	}
	for i := len(r.updates) - 1; i >= 0; i-- {
		if r.updates[i].Subject == subject {
			return i + 1
		}
	}
	return 0
}

// prepend puts older updates, read from PostgreSQL, in front: every update above from, up to r.from. If they are too
// many, it may do with those above enough.
func (r *ring) prepend(from, enough int64, older []Update) {
	if r.fits(older) {
		r.put(from, older)
		return
	}
	if older = older[sort.Search(len(older), func(i int) bool { return older[i].Seq > enough }):]; r.fits(older) {
		r.put(enough, older)
	}
}

func (r *ring) fits(older []Update) bool {
	return len(older)+len(r.updates) <= ringUpdates && size(older)+r.bytes <= ringBytes
}

func (r *ring) put(from int64, older []Update) {
	r.updates = append(append(make([]Update, 0, len(older)+len(r.updates)), older...), r.updates...)
	r.bytes += size(older)
	r.from = from
}

func size(updates []Update) (bytes int) {
	for _, u := range updates {
		bytes += len(u.Data)
	}
	return bytes
}

// after returns the updates above a number; ok is false if the ring does not reach back so far.
func (r *ring) after(seq int64) (updates []Update, ok bool) {
	if seq < r.from {
		return nil, false
	}
	i := sort.Search(len(r.updates), func(i int) bool { return r.updates[i].Seq > seq })
	return r.updates[i:], true
}
