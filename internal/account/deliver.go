package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	// mostToAddress is how many links to prove it an address gets within linkPeriod, from all accounts that claim it:
	// whoever makes accounts by the dozen shall not fill a stranger's mailbox.
	mostToAddress = 10
	linkPeriod    = time.Hour
	// toldEvery is how often at most the owner of an address is told that others give it.
	toldEvery = 24 * time.Hour
)

// linkLetters are the templates of letters with a link.
var linkLetters = []string{
	mail.VerifyEmail, mail.VerifyFirst, mail.ResetPassword, mail.ResetByAdmin, mail.ChangeEmail, mail.EmailChangeAsked, mail.EmailChanged,
}

// writeLink is where a letter with a link goes, and the link, at the moment at which it is sent. There is no address if the
// link is of no use any more, or is not to be sent: the owner of an address is told instead that somebody else gave it.
func (s *Service) writeLink(ctx context.Context, id uuid.UUID) (to mail.Recipient, data map[string]string, err error) {
	ctx = viewer.AsSystem(ctx, "a mail is sent when nobody asks")
	t, err := s.db.Ent.OneTimeToken.Get(ctx, id)
	if db.IsNotFound(err) {
		return to, nil, nil
	}
	if err != nil {
		return to, nil, fmt.Errorf("find the link: %w", err)
	}
	of, err := s.db.Ent.Account.Get(ctx, t.AccountID)
	if db.IsNotFound(err) {
		return to, nil, nil
	}
	if err != nil {
		return to, nil, fmt.Errorf("find whose link it is: %w", err)
	}
	if t.UsedAt != nil || !s.now().Before(t.ExpiresAt) || !s.applies(t, of) {
		return to, nil, nil
	}
	if strings.HasSuffix(t.Email, ".invalid") { // no mail can ever get there (RFC 2606): the demo people's
		return to, nil, nil
	}
	if kindOf(t.Purpose) == KindVerify {
		owner, err := ownerOf(ctx, s.db.Ent, t.Email)
		if err != nil {
			return to, nil, err
		}
		if owner != uuid.Nil {
			return to, nil, s.tellOwner(ctx, owner)
		}
		if crowded, err := s.isCrowded(ctx, t); err != nil || crowded {
			return to, nil, err
		}
	}
	return mail.Recipient{Name: of.Username, Address: t.Email}, map[string]string{mail.DataLink: s.linkURL(t)}, nil
}

// tellOwner tells the owner of an address that somebody else gave it, once a day at most. The moment is written with
// the letter: done a second time, it is found done.
func (s *Service) tellOwner(ctx context.Context, owner uuid.UUID) error {
	return s.db.Tx(ctx, func(tx *ent.Tx) error {
		row, err := lockAccount(ctx, tx, owner)
		if db.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if row.ClaimToldAt != nil && s.now().Before(row.ClaimToldAt.Add(toldEvery)) {
			return nil
		}
		if err := tx.Account.UpdateOne(row).SetClaimToldAt(s.now()).Exec(ctx); err != nil {
			return fmt.Errorf("note that the owner is told: %w", err)
		}
		return s.post(ctx, tx, mail.Letter{Template: mail.EmailClaimed, Account: owner})
	})
}

// isCrowded tells whether as many links as an address gets were issued for it shortly before this one. The answer is
// the same whenever it is asked, so that a mail that is tried again is not thought of otherwise.
func (s *Service) isCrowded(ctx context.Context, t *ent.OneTimeToken) (bool, error) {
	before, err := s.db.Ent.OneTimeToken.Query().Where(
		onetimetoken.Email(t.Email), onetimetoken.CreatedAtGT(t.CreatedAt.Add(-linkPeriod)),
		onetimetoken.Or(
			onetimetoken.CreatedAtLT(t.CreatedAt),
			onetimetoken.And(onetimetoken.CreatedAt(t.CreatedAt), onetimetoken.IDLT(t.ID)),
		),
		onetimetoken.PurposeIn(onetimetoken.PurposeVERIFY_EMAIL, onetimetoken.PurposeCHANGE_EMAIL),
	).Count(ctx)
	if err != nil {
		return false, fmt.Errorf("count the links to an address: %w", err)
	}
	return before >= mostToAddress, nil
}
