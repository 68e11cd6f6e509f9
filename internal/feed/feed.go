package feed

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
)

// StreamKind is the kind of a person's stream. It stands in cursors.
const StreamKind = "feed"

// ConsumerName is what the consumer of facts is called that writes the feeds.
const ConsumerName = "feed"

// Service is the slice's use cases.
type Service struct {
	db        *db.DB
	hub       *live.Hub
	clock     func() time.Time
	followers []follower
	subjects  map[string]Subject
}

// Options are the slice's settings; zero values are usable.
type Options struct {
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
}

// New makes the slice and makes the hub read feeds from it. Its consumer joins the facts by Consume, once the
// slices have said what they have to.
func New(d *db.DB, hub *live.Hub, o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Service{db: d, hub: hub, clock: o.Clock, subjects: map[string]Subject{}}
	hub.Register(StreamKind, source{d.SQL}, live.Personal)
	return s
}

// A Subject is a kind of thing that feeds show.
type Subject struct {
	// Kind is what it is called in the feeds' rows, such as "conversation". It never changes once released.
	Kind string
	// Prefix is that of its global ids.
	Prefix string
	// Show reads things with these ids as the viewer sees them now, in a number of statements that does not depend
	// on theirs, and answers for each how to tell that it has changed. What it leaves out is gone.
	Show func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Shown, error)
}

// Shown makes the update that shows a thing, with the cursor behind it.
type Shown func(cursor string) Update

// Show adds a kind of thing; before Consume.
func (s *Service) Show(what Subject) {
	if _, twice := s.subjects[what.Kind]; twice {
		panic(fmt.Sprintf("feed: %q is shown twice", what.Kind))
	}
	s.subjects[what.Kind] = what
}

// A Change says that something has changed for somebody.
type Change struct {
	Account uuid.UUID
	// Kind is that of a Subject.
	Kind    string
	Subject uuid.UUID
}

// An Audience tells what facts and bursts of its kinds change for whom. It runs as the system, in the
// transaction that writes the feeds.
type Audience func(ctx context.Context, tx *ent.Tx, b fact.Batch) ([]Change, error)

type follower struct {
	kinds    []string
	audience Audience
}

// Follow has an audience asked about facts and bursts of some kinds; before Consume.
func (s *Service) Follow(audience Audience, kinds ...string) {
	s.followers = append(s.followers, follower{kinds, audience})
}
