package account

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

const wrongCredentials = "The account is unknown or the password is wrong."

// SignIn opens a session for whoever knows the password. Unknown account and wrong password take the same
// steps, one query and one hash, and get the same answer. That somebody is banned or has deactivated the account is told to whoever knows
// the password alone.
func (s *Service) SignIn(ctx context.Context, in SignInInput) (*SignedIn, error) {
	ctx = viewer.AsSystem(ctx, "who signs in is nobody yet")
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
		return nil, refuse(CodeWrongCredentials, wrongCredentials)
	}
	var session *ent.AuthSession
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		if in.Reactivate {
			if err := s.comeBack(ctx, tx, who); err != nil {
				return err
			}
		}
		session, err = s.admit(ctx, tx, who, in.Cookie)
		return err
	})
	if err != nil {
		return nil, err
	}
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
