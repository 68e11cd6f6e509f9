package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

const wrongCredentials = "The account is unknown or the password is wrong."

// SignIn opens a session for whoever knows the password. Unknown account and wrong password take the same
// steps, one query and one hash, and get the same answer. That somebody is banned or has deactivated the account is told to whoever knows
// the password alone.
func (s *Service) SignIn(ctx context.Context, in SignInInput) (*SignedIn, error) {
	ctx = viewer.AsSystem(ctx, "who signs in is nobody yet")
	try, err := s.tryToSignIn(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	signed, err := s.checkAndAdmit(ctx, in)
	_, fatal := fault.Split[*AccountUserError](err)
	switch {
	case err == nil:
		s.takeBack(ctx, try, signInHere)
	case fatal != nil:
		s.takeBack(ctx, try, "")
	}
	return signed, err
}

// tryToSignIn counts a try to sign in, or refuses it. Names that nobody has are counted like others. Where too many
// networks try one name, those go on from which somebody signed in by it before: so nobody is locked out of their
// account by others.
func (s *Service) tryToSignIn(ctx context.Context, login string) (try, error) {
	name := identifier(login)
	all := append(here(ctx, signInFrom), here(ctx, signInHere)...)
	if len(all) > 0 {
		all[1].key += " " + name
	}
	t, err := s.try(ctx, append(all, counted{signInAnywhere, name})...)
	if limited := (*fault.Error)(nil); !errors.As(err, &limited) {
		return t, err
	}
	if network := networkFrom(ctx); network != "" {
		isKnown, err := s.db.Ent.LoginAttempt.Query().Where(
			loginattempt.IdentifierHashIn(s.ring.MACs(identifierPurpose, []byte(name))...),
			loginattempt.Network(network),
			loginattempt.OutcomeIn(loginattempt.OutcomeSIGNED_IN, loginattempt.OutcomeREGISTERED),
		).Exist(ctx)
		if err != nil {
			return try{}, fmt.Errorf("look whether the network is known: %w", err)
		}
		if isKnown {
			if t, err := s.try(ctx, all...); err == nil {
				return t, nil
			}
		}
	}
	s.note(ctx, loginattempt.OutcomeTHROTTLED, uuid.Nil, login)
	return try{}, err
}

func (s *Service) checkAndAdmit(ctx context.Context, in SignInInput) (*SignedIn, error) {
	who, err := s.claimant(ctx, in.Login)
	hash := s.passwords.dummy
	switch {
	case err == nil:
		hash = who.PasswordHash
	case !db.IsNotFound(err):
		return nil, fmt.Errorf("find the account: %w", err)
	}
	fits, err := s.passwords.check(ctx, hash, in.Password)
	if err != nil {
		return nil, err
	}
	if who == nil || !fits {
		of := uuid.Nil
		if who != nil {
			of = who.ID
		}
		s.note(ctx, loginattempt.OutcomeFAILED, of, in.Login)
		return nil, refuse(CodeWrongCredentials, wrongCredentials)
	}
	var session *ent.AuthSession
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		if in.Reactivate {
			if err := s.comeBack(ctx, tx, who); err != nil {
				return err
			}
		}
		if session, err = s.admit(ctx, tx, who, in.Cookie); err != nil {
			return err
		}
		if err := s.tellOfDevice(ctx, tx, who); err != nil {
			return err
		}
		return s.noteIn(ctx, tx, loginattempt.OutcomeSIGNED_IN, who.ID, in.Login)
	})
	if err != nil {
		if who.BannedAt != nil {
			s.note(ctx, loginattempt.OutcomeBANNED, who.ID, in.Login)
		}
		return nil, err
	}
	s.note(ctx, loginattempt.OutcomeSIGNED_IN, who.ID, in.Login) // for when they last signed in
	return s.signedIn(session, who.Role)
}

// claimant is the account that a login means. An address means its verified owner; while it has none, the
// oldest claim that has not lapsed.
func (s *Service) claimant(ctx context.Context, login string) (*ent.Account, error) {
	if strings.ContainsRune(login, 0) || !utf8.ValidString(login) {
		login = "" // nobody's, and nothing that PostgreSQL could be asked for
	}
	// A username has no @ but may be written with one in front.
	if name := strings.TrimPrefix(foldUsername(login), "@"); !strings.Contains(name, "@") {
		return s.db.Ent.Account.Query().Where(account.Username(name), account.ErasedAtIsNil()).Only(ctx)
	}
	return s.db.Ent.Account.Query().
		Where(account.Email(foldEmail(login)), account.ErasedAtIsNil(), account.Or(
			account.EmailVerifiedAtNotNil(),
			account.EmailClaimedAtGT(s.now().Add(-claimLifetime)),
		)).
		// PostgreSQL sorts nulls last: the one verified owner comes before all claims.
		Order(account.ByEmailVerifiedAt(), account.ByEmailClaimedAt(), account.ByID()).
		First(ctx)
}
