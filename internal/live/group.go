package live

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// A Renderer turns items into what subscribers are given, once for all subscribers of a plan.
type Renderer interface {
	// Render returns an item's bytes; own is true for the author of the update. The bytes are shared
	// and never changed.
	Render(ctx context.Context, item Item, own bool) ([]byte, error)
	// Close ends the renderer when its last subscriber has left.
	Close()
}

// An Expecter is a renderer that is told what it will be asked to render next, so that what the items need can
// be fetched for all of them together. After them it is told to expect none, and need keep nothing.
type Expecter interface {
	Expect(ctx context.Context, items []Item) error
}

// A Namer is a renderer that can tell whose cards are in what it rendered last.
type Namer interface {
	Named() []uuid.UUID
}

// A Member is one subscriber of a stream.
type Member struct {
	// Account is who it is: its own updates are rendered as such.
	Account uuid.UUID
	// Sees judges every update in order, hidden ones too; nil for all but hidden ones. It is called
	// under the stream's lock, and for an update twice where a replay overlaps.
	Sees func(Update) bool
	// Hears judges every signal, under the stream's lock too; nil for none.
	Hears func(Signal) bool
	// Offer takes a signal's bytes, and drops them if the subscriber is behind. It must not wait.
	Offer func(frame []byte)
	// Attached is called when the member has been given what was owed to it, and gets all that follows; may be nil.
	Attached func()
	// Apart tells whether an update that shows a person is rendered for this member alone, by Own; nil for nobody.
	// It is called under the stream's lock, after Sees.
	Apart func(person uuid.UUID) bool
	// Own makes the renderer for the member's own eyes, when it is first needed.
	Own func() (Renderer, error)
	// Deliver takes an item's bytes, and the cursor behind it as clients keep it. It must not wait.
	Deliver func(frame []byte, cursor string)
	// Fail tells that an item could not be rendered; the subscriber should end and resume.
	Fail func(err error)

	// Ends judges hidden updates: whether one of them ends the subscription, and why. Nothing is given after it. It
	// is called as Sees is; nil if nothing ends it.
	Ends func(Update) error

	group    *group
	place    int           // among the group's members; -1 once it is none of them
	pos      int64         // all up to here has been given or was not to be seen
	told     time.Time     // when the last cursor was given
	patience time.Duration // how long after that the next one is, if nothing else comes
	own      Renderer      // nil until it is needed
	ended    error         // why the subscription is over
}

// A group is the subscribers of a stream that share their rendering.
type group struct {
	plan string
	// isExclusive plans are rendered for one person's eyes at one moment: nothing is kept of them.
	isExclusive bool
	renderer    Renderer
	members     []*Member
	// frames are the rendered updates of the ring, so that those who resume cost no rendering.
	frames map[frameKey]frame
	// bytes is the length of all frames.
	bytes int
	// unrendered are the updates of the present run that could not be rendered: each is tried once for all members, as
	// the stream waits meanwhile.
	unrendered map[frameKey]error
	// swept is the ring's cuts when frames were last held against it.
	swept int
}

// A frame is a rendered update, with the cursor behind it as clients keep it, and the people whose cards it shows.
type frame struct {
	bytes  []byte
	cursor string
	people []uuid.UUID
}

func (f frame) length() int { return len(f.bytes) + len(f.cursor) }

type frameKey struct {
	seq int64
	own bool
}

func (g *group) add(m *Member) {
	m.group, m.place = g, len(g.members)
	g.members = append(g.members, m)
}

// remove takes a member out, if it is one: who leaves the conversation is none before it detaches.
func (g *group) remove(m *Member) {
	if m.place < 0 {
		return
	}
	last := len(g.members) - 1
	g.members[m.place] = g.members[last]
	g.members[m.place].place = m.place
	g.members[last] = nil
	g.members = g.members[:last]
	m.place = -1
	m.letGo()
}

// letGo ends the rendering for the member's own eyes.
func (m *Member) letGo() {
	if m.own != nil {
		m.own.Close()
		m.own = nil
	}
}

// renderTime is how long a rendering may hold its stream up.
const renderTime = 5 * time.Second

func (g *group) deliver(s *stream, run []Update) {
	now, given := time.Now(), 0
	g.expecting(s, run, g.members, func() {
		for _, u := range run {
			// From the end, as whoever is taken out has the last one put into their place.
			for i := len(g.members) - 1; i >= 0; i-- {
				if g.give(s, g.members[i], u, now) {
					given++
				}
			}
		}
	})
	deliveries.Add(float64(given))
	if g.swept != s.ring.cuts {
		g.swept = s.ring.cuts
		maps.DeleteFunc(g.frames, func(k frameKey, f frame) bool {
			if k.seq > s.ring.from {
				return false
			}
			g.bytes -= f.length()
			return true
		})
	}
}

// expecting has a run of updates given, with the renderer of a personal stream knowing meanwhile which ones come. If
// it can not learn that, the members are ended: they resume.
func (g *group) expecting(s *stream, run []Update, members []*Member, give func()) {
	defer func() { g.unrendered = nil }() // whoever resumes has it tried again
	e, ok := g.renderer.(Expecter)
	if !ok || s.nature != Personal || len(run) == 0 {
		give()
		return
	}
	items := make([]Item, len(run))
	for i, u := range run {
		items[i] = Item{Kind: Updated, Update: u, Cursor: s.cursor(u.Seq)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), renderTime)
	defer cancel()
	if err := e.Expect(ctx, items); err != nil {
		for _, m := range members {
			m.Fail(err)
		}
		return
	}
	give()
	_ = e.Expect(context.Background(), nil) // lets go of what was read for them
}

// give delivers one update to one member, unless it has had it or does not see it; it answers whether it did.
func (g *group) give(s *stream, m *Member, u Update, now time.Time) bool {
	if u.Seq <= m.pos {
		return false
	}
	m.pos = u.Seq
	if u.Hidden {
		g.follow(m, u)
		return false
	}
	if m.Sees != nil && !m.Sees(u) {
		return false
	}
	f, err := g.frame(s, u, u.Author == m.Account && u.Author != uuid.Nil)
	if err == nil && m.Apart != nil && !g.isExclusive && slices.ContainsFunc(f.people, m.Apart) {
		f.bytes, err = m.alone(Item{Kind: Updated, Update: u, Cursor: s.cursor(u.Seq)})
	}
	if err != nil {
		m.Fail(err)
		return false
	}
	m.told = now
	m.Deliver(f.bytes, f.cursor)
	return true
}

// frame is an update as the group's members get it, for its author or for the others.
func (g *group) frame(s *stream, u Update, own bool) (frame, error) {
	if f, ok := g.frames[frameKey{u.Seq, own}]; ok {
		return f, nil
	}
	if err := g.unrendered[frameKey{u.Seq, own}]; err != nil {
		return frame{}, err
	}
	cursor := s.cursor(u.Seq).sealed()
	bytes, err := render(g.renderer, Item{Kind: Updated, Update: u, Cursor: cursor}, own)
	if err != nil {
		if g.unrendered == nil {
			g.unrendered = map[frameKey]error{}
		}
		g.unrendered[frameKey{u.Seq, own}] = err
		return frame{}, err
	}
	f := frame{bytes: bytes, cursor: cursor.String()}
	if n, ok := g.renderer.(Namer); ok {
		f.people = n.Named()
	}
	// Below the ring nothing would tell that a frame has become stale.
	if !g.isExclusive && u.Seq > s.ring.from {
		g.frames[frameKey{u.Seq, own}] = f
		g.bytes += f.length()
	}
	return f, nil
}

// alone renders an item for the member's own eyes.
func (m *Member) alone(item Item) ([]byte, error) {
	if m.own == nil {
		own, err := m.Own()
		if err != nil {
			return nil, err
		}
		m.own = own
	}
	return render(m.own, item, false)
}

// follow lets a member know of a hidden update, which may end it.
func (g *group) follow(m *Member, u Update) {
	if m.Sees != nil {
		m.Sees(u)
	}
	if m.Ends == nil {
		return
	}
	if err := m.Ends(u); err != nil {
		m.pos, m.ended = math.MaxInt64, err
		g.remove(m)
		m.Fail(err)
	}
}

// tell gives members an item of another kind, rendered once.
func (g *group) tell(item Item, members ...*Member) {
	if len(members) == 0 {
		return
	}
	if item.Kind == Resync {
		resyncs.WithLabelValues(string(item.Reason)).Add(float64(len(members)))
	}
	bytes, err := render(g.renderer, item, false)
	cursor, now := item.Cursor.String(), time.Now()
	for _, m := range members {
		if err != nil {
			m.Fail(err)
			continue
		}
		m.told = now
		m.Deliver(bytes, cursor)
	}
	if err == nil {
		deliveries.Add(float64(len(members)))
	}
}

func render(r Renderer, item Item, own bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), renderTime)
	defer cancel()
	return r.Render(ctx, item, own)
}
