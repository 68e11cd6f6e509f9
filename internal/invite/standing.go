package invite

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
)

// perDayUnproved is how many invites an account may have mailed in a day before it has proved an address of its own.
const perDayUnproved = 3

// stands tells whether an account may invite, and its codes let somebody in.
func stands(row *ent.Account) bool {
	return row.BannedAt == nil && row.DeactivatedAt == nil && row.ErasedAt == nil
}

// hold locks the viewer's account, so that what follows can be counted, and answers it if it may invite.
func (s *Service) hold(ctx context.Context, tx *ent.Tx, me uuid.UUID) (*ent.Account, error) {
	row, err := tx.Account.Query().Where(account.ID(me)).ForUpdate(sql.WithLockClause("FOR NO KEY UPDATE")).Only(ctx)
	if db.IsNotFound(err) { // erased while its session was still remembered
		return nil, fault.Unauthenticated()
	}
	if err != nil {
		return nil, fmt.Errorf("lock the inviter's account: %w", err)
	}
	if !stands(row) {
		return nil, refuse(CodeAccountBanned, "This account is banned and can invite nobody.")
	}
	return row, nil
}

// admit refuses whoever has made as many invites and codes as one may in a day. The account is locked.
func (s *Service) admit(ctx context.Context, tx *ent.Tx, row *ent.Account, byMail bool) error {
	since := s.now().Add(-day)
	mails, err := tx.Invite.Query().Where(invite.InviterID(row.ID), invite.CreatedAtGT(since)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the invites of a day: %w", err)
	}
	codes, err := tx.InviteCode.Query().Where(invitecode.InviterID(row.ID), invitecode.CreatedAtGT(since)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the codes of a day: %w", err)
	}
	unproved := byMail && row.EmailVerifiedAt == nil && mails >= perDayUnproved
	if mails+codes >= s.o.PerDay || unproved {
		return refuse(CodeInviteLimit, "You have invited too many in a day. Try again tomorrow.")
	}
	return nil
}

// validity is a number of days, if an invite may last that long.
func validity(days, most int) (time.Duration, error) {
	if days < 1 || days > most {
		return 0, refuse(CodeValidityInvalid, fmt.Sprintf("It can be good for 1 to %d days.", most), "input", "validForDays")
	}
	return time.Duration(days) * day, nil
}
