package live

import (
	"context"
	"maps"
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

// A Member is one subscriber of a stream.
type Member struct {
	// Account is who it is: its own updates are rendered as such.
	Account uuid.UUID
	// Sees judges every update in order, hidden ones too; nil for all but hidden ones. It is called
	// under the stream's lock, and for an update twice where a replay overlaps.
	Sees func(Update) bool
	// Deliver takes an item's bytes, and the cursor behind it as clients keep it. It must not wait.
	Deliver func(frame []byte, cursor string)
	// Fail tells that an item could not be rendered; the subscriber should end and resume.
	Fail func(err error)

	group *group
	pos   int64     // all up to here has been given or was not to be seen
	told  time.Time // when the last cursor was given
}

// A group is the subscribers of a stream that share their rendering.
type group struct {
	plan string
	// isExclusive plans are rendered for one person's eyes at one moment: nothing is kept of them.
	isExclusive bool
	renderer    Renderer
	members     map[*Member]struct{}
	// frames are the rendered updates of the ring, so that those who resume cost no rendering.
	frames map[frameKey]frame
	// swept is the ring's cuts when frames were last held against it.
	swept int
}

// A frame is a rendered update, with the cursor behind it as clients keep it.
type frame struct {
	bytes  []byte
	cursor string
}

type frameKey struct {
	seq int64
	own bool
}

// renderTime is how long a rendering may hold its stream up.
const renderTime = 5 * time.Second

func (g *group) deliver(s *stream, u Update) {
	for m := range g.members {
		g.give(s, m, u)
	}
	if g.swept != s.ring.cuts {
		g.swept = s.ring.cuts
		maps.DeleteFunc(g.frames, func(k frameKey, _ frame) bool { return k.seq <= s.ring.from })
	}
}

// give delivers one update to one member, unless it has had it or does not see it.
func (g *group) give(s *stream, m *Member, u Update) {
	if u.Seq <= m.pos {
		return
	}
	m.pos = u.Seq
	if m.Sees != nil && !m.Sees(u) || u.Hidden {
		return
	}
	own := u.Author == m.Account && u.Author != uuid.Nil
	f, ok := g.frames[frameKey{u.Seq, own}]
	if !ok {
		cursor := s.cursor(u.Seq)
		bytes, err := g.render(Item{Kind: Updated, Update: u, Cursor: cursor}, own)
		if err != nil {
			m.Fail(err)
			return
		}
		f = frame{bytes, cursor.String()}
		// Below the ring nothing would tell that a frame has become stale.
		if !g.isExclusive && u.Seq > s.ring.from {
			g.frames[frameKey{u.Seq, own}] = f
		}
	}
	m.told = time.Now()
	m.Deliver(f.bytes, f.cursor)
}

// tell gives members an item of another kind, rendered once.
func (g *group) tell(item Item, members ...*Member) {
	if len(members) == 0 {
		return
	}
	bytes, err := g.render(item, false)
	cursor := item.Cursor.String()
	for _, m := range members {
		if err != nil {
			m.Fail(err)
			continue
		}
		m.told = time.Now()
		m.Deliver(bytes, cursor)
	}
}

func (g *group) render(item Item, own bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), renderTime)
	defer cancel()
	return g.renderer.Render(ctx, item, own)
}
