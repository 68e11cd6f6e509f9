package account

import (
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/gather"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/password"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/token"
)

const (
	// claimLifetime is how long an address may be claimed without proof.
	claimLifetime = 7 * 24 * time.Hour
	// sessionIdle is how long a session lasts unused, sessionMax however much it is used.
	sessionIdle = 30 * 24 * time.Hour
	sessionMax  = 90 * 24 * time.Hour
	// refreshGrace is for how long the used-up refresh token still gives its successor.
	refreshGrace = 30 * time.Second
	// touchEvery is how often at most a session's use is written down.
	touchEvery = time.Minute
	// keyLifetime is how long an idempotency key is remembered.
	keyLifetime = 24 * time.Hour
)

// Service is the slice's use cases.
type Service struct {
	db        *db.DB
	ring      *token.Ring
	access    *token.Access
	profiles  *profile.Service
	facts     *fact.Log
	mail      *mail.Mailer
	clock     func() time.Time
	notes     notes
	passwords *passwords
	judge     *password.Judge
	service   string
	// failedSignIns and registrations are Options' numbers.
	failedSignIns, registrations int
	known                        *knownSessions
	lookups                      *gather.Gatherer[uuid.UUID, knownSession]
}

// Options are the settings of the slice; the zero value is good.
type Options struct {
	// Clock tells the time; nil means the system's.
	Clock func() time.Time
	// Mail sends what accounts have to be told; nil sends nothing.
	Mail *mail.Mailer
	// Judge says which passwords may be chosen; nil goes by the list that comes with Convene.
	Judge *password.Judge
	// FailedSignIns is how often signing in as somebody may fail from one network before one has to wait; ten times
	// as often from all networks together, and five times as often from one network as whomever. Zero is no limit,
	// also for mails that somebody asks for without having signed in.
	FailedSignIns int
	// Registrations is how many may register from one network before one has to wait; zero is no limit.
	Registrations int
	// Issuer is the `iss` of access tokens, the service's public URL; empty means "convene".
	Issuer string
}

// New makes the slice.
func New(d *db.DB, ring *token.Ring, profiles *profile.Service, facts *fact.Log, o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Issuer == "" {
		o.Issuer = "convene"
	}
	if o.Judge == nil {
		o.Judge, _ = password.New(password.Options{}) // nothing to read, so nothing to fail
	}
	s := &Service{
		db: d, ring: ring, profiles: profiles, facts: facts, mail: o.Mail, clock: o.Clock,
		access:    token.NewAccess(ring, o.Issuer, o.Clock),
		passwords: newPasswords(), judge: o.Judge, service: o.Issuer,
		failedSignIns: o.FailedSignIns, registrations: o.Registrations,
		known: newKnownSessions(o.Clock),
	}
	s.lookups = gather.New(s.lookUpAll)
	s.notes.write = s.writeNotes
	return s
}

// now is this moment as PostgreSQL stores it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }
