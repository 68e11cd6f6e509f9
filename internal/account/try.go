package account

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
)

// A purpose is what is throttled. Its text is part of stored keyed hashes and never changes.
type purpose string

// What is throttled: by whom or where, each with a pace of its own.
const (
	// signInHere is signing in by one name from one network, signInAnywhere by one name from wherever,
	// signInFrom by whichever name from one network.
	signInHere     purpose = "sign_in_here"
	signInAnywhere purpose = "sign_in_anywhere"
	signInFrom     purpose = "sign_in_from"
	// registerFrom is registering from one network.
	registerFrom purpose = "register_from"
	// mailTo is asking for a mail to somebody, such as one with a link to choose a new password; mailFrom is
	// asking for such mails from one network.
	mailTo   purpose = "mail_to"
	mailFrom purpose = "mail_from"
)

// A pace is how often something may be tried: so many times at once, and then after a wait that doubles with
// each try up to the most. After a time without a try all is forgotten. The zero pace is no limit.
type pace struct {
	free               int
	wait, most, forget time.Duration
}

// paceOf is the pace of a purpose, by the settings.
func (s *Service) paceOf(p purpose) pace {
	n := s.failedSignIns
	switch p {
	case signInHere:
		return pace{n, 30 * time.Second, 15 * time.Minute, time.Hour}
	case signInAnywhere:
		return pace{10 * n, 30 * time.Second, 15 * time.Minute, 24 * time.Hour}
	case signInFrom:
		return pace{5 * n, 30 * time.Second, 15 * time.Minute, time.Hour}
	case registerFrom:
		return pace{s.registrations, time.Minute, time.Hour, time.Hour}
	case mailTo:
		return pace{min(3, n), time.Minute, time.Hour, 24 * time.Hour}
	case mailFrom:
		return pace{5 * n, 30 * time.Second, 15 * time.Minute, time.Hour}
	}
	panic("no pace for " + p)
}

// A counted is one thing that a try counts for: what it is, and by whom or where.
type counted struct {
	purpose purpose
	key     string
}

// throttle counts that a mail to somebody is asked for, by the address or the name that was given and by the
// network that it is asked from, and refuses if that was too often: as the API's RATE_LIMITED, with how long to
// wait. Whether there is such an account makes no difference to it. It is called by whatever posts a mail to
// whoever was named, before anything else is looked up, such as
//
//	if err := s.throttle(ctx, mailTo, in.Email); err != nil {
//		return nil, err
//	}
//
// What is counted stands in PostgreSQL: it holds over all nodes, and survives them.
func (s *Service) throttle(ctx context.Context, p purpose, name string) error {
	_, err := s.try(ctx, append([]counted{{p, identifier(name)}}, here(ctx, mailFrom)...)...)
	return err
}

// identifier is the form of a username or an address in which it is the same however it is written.
func identifier(login string) string { return strings.TrimPrefix(foldUsername(login), "@") }

// here is something counted by the network of whoever asks; nothing where that is unknown.
func here(ctx context.Context, p purpose) []counted {
	network := limit.From(ctx).Network()
	if !network.IsValid() {
		return nil
	}
	return []counted{{p, network.String()}}
}

// A try has been counted, and can be taken back.
type try struct {
	id  uuid.UUID
	all []counted
}

// try counts a try for all that it is named for, or for none of them and refuses it. Until it is taken back it counts
// as one that failed, so that a hundred at once get no further than a hundred one after the other.
func (s *Service) try(ctx context.Context, all ...counted) (try, error) {
	var args struct {
		scopes                      [][]byte
		free, waits, mosts, forgets []int64
	}
	t := try{id: uuid.Must(uuid.NewV7())}
	for _, c := range all {
		p := s.paceOf(c.purpose)
		if p.free <= 0 {
			continue
		}
		t.all = append(t.all, c)
		args.scopes = append(args.scopes, s.scopeOf(c))
		args.free, args.waits = append(args.free, int64(p.free)), append(args.waits, int64(p.wait.Seconds()))
		args.mosts, args.forgets = append(args.mosts, int64(p.most.Seconds())), append(args.forgets, int64(p.forget.Seconds()))
	}
	if len(t.all) == 0 {
		return t, nil
	}
	now := s.now()
	var until time.Time
	err := s.db.SQL.QueryRowContext(ctx, "SELECT count_try($1, $2, $3::bytea[], $4, $5, $6, $7)",
		now, t.id, args.scopes, args.free, args.waits, args.mosts, args.forgets).Scan(&until)
	if err != nil {
		return try{}, fmt.Errorf("count a try: %w", err)
	}
	if !until.After(now) {
		return t, nil
	}
	seconds := math.Ceil(until.Sub(now).Seconds())
	return try{}, &fault.Error{
		Code: fault.CodeRateLimited, RetryAfter: time.Duration(seconds) * time.Second,
		Message: fmt.Sprintf("This was tried too often. Try again in %d s.", int(seconds)),
	}
}

// takeBack makes a try that told nobody anything as if it had not been. If it was right, tries that were wrong before
// it no longer count either, for one of its purposes. Nobody is kept waiting by what fails here.
func (s *Service) takeBack(ctx context.Context, t try, cleared purpose) {
	if len(t.all) == 0 {
		return
	}
	scopes, clean := [][]byte{}, [][]byte{}
	for _, c := range t.all {
		scopes = append(scopes, s.scopeOf(c))
		if c.purpose == cleared {
			clean = append(clean, s.scopeOf(c))
		}
	}
	ctx = context.WithoutCancel(ctx) // whoever hangs up has been right all the same
	_, err := s.db.SQL.ExecContext(ctx, "SELECT take_try_back($1, $2, $3::bytea[], $4::bytea[])", s.now(), t.id, scopes, clean)
	if err != nil {
		slog.WarnContext(ctx, "A try that was right is still counted as one that was wrong", "error", err)
	}
}

// scopeOf is the keyed hash by which something is counted: nothing of what was given can be read from it.
func (s *Service) scopeOf(c counted) []byte {
	return s.ring.MAC("account/throttle", []byte(c.purpose), []byte(c.key))
}
