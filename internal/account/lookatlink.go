package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// A SeenLink is what the page of a link shows before anything is done.
type SeenLink struct {
	// Kind is one of the kinds, such as [KindVerify].
	Kind string
	// Account is whose link it is; Username and Email are its person's.
	Account         *ent.Account
	Username, Email string
	// IsProved tells that the address is the account's already.
	IsProved bool
	// Refused is why the link is not good; nil if it is.
	Refused error
}

// LookAtLink says what a link is for, and uses nothing up: programs that look through mails open links. Whoever has the
// link of an account may know its username and the address that it was sent to, also when it has ended.
func (s *Service) LookAtLink(ctx context.Context, kind, text string) (SeenLink, error) {
	ctx = viewer.AsSystem(ctx, "a link is all that its bearer has")
	t, of, err := s.linkOf(ctx, kind, text)
	if err != nil {
		return SeenLink{Kind: kind}, err
	}
	seen := SeenLink{Kind: kind, Account: of, Username: of.Username, Email: t.Email}
	seen.IsProved = of.EmailVerifiedAt != nil && of.Email == t.Email
	if t.Purpose == onetimetoken.PurposeRESET_PASSWORD {
		seen.Refused = s.mayReset(ctx, s.db.Ent, t, of)
	} else {
		seen.Refused = s.judgeLink(ctx, s.db.Ent, t, of)
	}
	return seen, nil
}

// linkOf finds a link of a kind, however old, with whose it is.
func (s *Service) linkOf(ctx context.Context, kind, text string) (*ent.OneTimeToken, *ent.Account, error) {
	var purposes []onetimetoken.Purpose
	switch kind {
	case KindVerify:
		purposes = []onetimetoken.Purpose{onetimetoken.PurposeVERIFY_EMAIL, onetimetoken.PurposeCHANGE_EMAIL}
	case KindReset:
		purposes = []onetimetoken.Purpose{onetimetoken.PurposeRESET_PASSWORD}
	case KindUndo:
		purposes = []onetimetoken.Purpose{onetimetoken.PurposeUNDO_EMAIL}
	}
	t, err := s.findLink(ctx, text, purposes...)
	if err != nil {
		return nil, nil, err
	}
	of, err := s.db.Ent.Account.Get(ctx, t.AccountID)
	if db.IsNotFound(err) {
		return nil, nil, linkInvalid()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find whose link it is: %w", err)
	}
	return t, of, nil
}

// RenewLink has a new link sent in place of one that has ended, to the same address, if there is still something to do
// with it: whoever has the old one got that mail. Too many are left unanswered, as it is said to nobody in particular.
func (s *Service) RenewLink(ctx context.Context, kind, text string) error {
	ctx = viewer.AsSystem(ctx, "a link is all that its bearer has")
	t, found, err := s.linkOf(ctx, kind, text)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *ent.Tx) error {
		of, err := lockAccount(ctx, tx, found.ID)
		if db.IsNotFound(err) {
			return linkInvalid()
		}
		if err != nil {
			return err
		}
		if wait, err := s.linkWait(ctx, tx, of); err != nil || wait > 0 {
			return err
		}
		switch t.Purpose {
		case onetimetoken.PurposeVERIFY_EMAIL:
			if of.EmailVerifiedAt == nil && of.Email == t.Email && s.isClaimed(of) {
				return s.mailLink(ctx, tx, mail.VerifyEmail, of, t.Purpose, t.Email, verifyLifetime)
			}
		case onetimetoken.PurposeCHANGE_EMAIL:
			if s.pendingEmail(of) == t.Email {
				return s.mailLink(ctx, tx, mail.ChangeEmail, of, t.Purpose, t.Email, verifyLifetime)
			}
		case onetimetoken.PurposeRESET_PASSWORD:
			if of.EmailVerifiedAt != nil && of.Email == t.Email {
				return s.mailLink(ctx, tx, mail.ResetPassword, of, t.Purpose, t.Email, resetLifetime)
			}
		case onetimetoken.PurposeUNDO_EMAIL: // taking back ends with its link
		}
		return nil
	})
}
