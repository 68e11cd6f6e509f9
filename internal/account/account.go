package account

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/gather"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/job"
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
	// recentFor is for how long a proof of the password counts as recent, unless a setting says otherwise.
	recentFor = 10 * time.Minute
	// eraseGrace is for how long whoever asked to be erased can come back, unless a setting says otherwise.
	eraseGrace = 14 * 24 * time.Hour
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
	invites   *invite.Service
	links     string
	asked     *job.Kind[resetAsked]
	proved    *job.Kind[emailProved]
	clock     func() time.Time
	recent    time.Duration
	grace     time.Duration
	erasers   []eraser
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
	// Invites are what lets people in by a code; nil knows no codes, and needs none.
	Invites *invite.Service
	// Jobs do what follows an answer, so that nothing can be told by how long that takes; nil does it before the answer.
	Jobs *job.Queue
	// Links is where the links in mails go, with {kind} and {token} in it; empty means [DefaultLinks].
	Links string
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
	// Reauthenticate is for how long proving the password counts as recent, for what asks that; zero means 10 minutes.
	Reauthenticate time.Duration
	// EraseAfter is for how long whoever asked to be erased can come back; zero means 14 days.
	EraseAfter time.Duration
}

// New makes the slice.
func New(d *db.DB, ring *token.Ring, profiles *profile.Service, facts *fact.Log, o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Issuer == "" {
		o.Issuer = "convene"
	}
	if o.Reauthenticate <= 0 {
		o.Reauthenticate = recentFor
	}
	if o.EraseAfter <= 0 {
		o.EraseAfter = eraseGrace
	}
	if o.Judge == nil {
		o.Judge, _ = password.New(password.Options{}) // nothing to read, so nothing to fail
	}
	s := &Service{
		db: d, ring: ring, profiles: profiles, facts: facts, mail: o.Mail, invites: o.Invites, links: o.Links, clock: o.Clock, recent: o.Reauthenticate, grace: o.EraseAfter,
		access:    token.NewAccess(ring, o.Issuer, o.Clock),
		passwords: newPasswords(), judge: o.Judge, service: o.Issuer,
		failedSignIns: o.FailedSignIns, registrations: o.Registrations,
		known: newKnownSessions(o.Clock),
	}
	if s.links == "" {
		s.links = DefaultLinks
	}
	if o.Mail != nil {
		for _, template := range linkLetters {
			o.Mail.Write(template, s.writeLink)
		}
	}
	if o.Jobs != nil {
		s.asked = job.Define(o.Jobs, "account.reset_asked", func(ctx context.Context, j job.Job[resetAsked]) error {
			return s.answerReset(ctx, j.Args)
		}, job.KindOptions{})
		s.proved = job.Define(o.Jobs, "account.email_proved", func(ctx context.Context, j job.Job[emailProved]) error {
			return s.endOtherClaims(ctx, j.Args)
		}, job.KindOptions{})
	}
	s.lookups = gather.New(s.lookUpAll)
	s.notes.write = s.writeNotes
	return s
}

// now is this moment as PostgreSQL stores it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }
