package messaging

import (
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/gather"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/presence"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/token"
)

// StreamKind is the kind of a conversation's stream.
const StreamKind = "conversation"

// Service is the slice's use cases.
type Service struct {
	db        *db.DB
	ring      *token.Ring
	profiles  *profile.Service
	accounts  *account.Service
	hub       *live.Hub
	facts     *fact.Log
	appender  *appender
	sights    *gather.Gatherer[membership, sight]
	clock     func() time.Time
	sent      func(*ent.Message)
	presence  *presence.Tracker
	newcomers newcomers
}

// Options are the slice's settings; zero values are usable.
type Options struct {
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
	// Sent is told of each message that this node has put on disk, and must not wait; nil for nobody.
	Sent func(*ent.Message)
	// Presence knows who is online; with nil nobody can tell.
	Presence *presence.Tracker
}

// New makes the slice, makes the hub read conversations from it, and has their changes written to feeds.
func New(
	d *db.DB, ring *token.Ring, accounts *account.Service, profiles *profile.Service, hub *live.Hub, facts *fact.Log, feeds *feed.Service,
	o Options,
) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Service{db: d, ring: ring, accounts: accounts, profiles: profiles, hub: hub, facts: facts, clock: o.Clock, sent: o.Sent, presence: o.Presence}
	s.appender = newAppender(d, s.announceSent)
	s.sights = gather.New(s.readSights)
	hub.Register(StreamKind, source{d.SQL}, live.Shared)
	s.joinFeeds(feeds)
	accounts.WhenErased("messaging", s.erase)
	if s.presence != nil {
		s.presence.Tell(s.tellPresence)
	}
	return s
}

// Close waits for the messages on their way to disk. Nothing may be sent after it.
func (s *Service) Close() { s.appender.close() }

func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

func streamOf(conversation uuid.UUID) live.Key {
	return live.Key{Kind: StreamKind, ID: conversation}
}
