package invite

import (
	"time"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/token"
)

const (
	day = 24 * time.Hour
	// kept is for how long an invite or a code is kept after it has ended, as ent/schema declares.
	kept = 30 * day
	// maxUses is how many one code may let in.
	maxUses = 100
	// maxCodeDays and maxInviteDays are for how long a code and an invite may be good.
	maxCodeDays   = 90
	maxInviteDays = 30
)

// Service is the slice's use cases.
type Service struct {
	db       *db.DB
	ring     *token.Ring
	profiles *profile.Service
	facts    *fact.Log
	o        Options
}

// Options are the settings of the slice; the zero value is good.
type Options struct {
	// Clock tells the time; nil means the system's.
	Clock func() time.Time
	// Mail sends the invites; nil sends none.
	Mail *mail.Mailer
	// URL is the public address, which links begin with.
	URL string
	// IsInviteOnly has nobody join without a code.
	IsInviteOnly bool
	// PerDay is how many invites and codes together an account may make in a day; 0 means 20.
	PerDay int
}

// New makes the slice. Letters that invite are written by it from then on.
func New(d *db.DB, ring *token.Ring, profiles *profile.Service, facts *fact.Log, o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.PerDay == 0 {
		o.PerDay = 20
	}
	s := &Service{db: d, ring: ring, profiles: profiles, facts: facts, o: o}
	if o.Mail != nil {
		o.Mail.Write(mail.Invited, s.write)
	}
	return s
}

// now is this moment as PostgreSQL stores it.
func (s *Service) now() time.Time { return s.o.Clock().UTC().Truncate(time.Microsecond) }

// Link is the address of the page of a code, to pass on.
func (s *Service) Link(code string) string { return s.o.URL + "/r/" + code }
