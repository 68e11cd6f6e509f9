package invite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// However many invite an address, it gets no more than so many mails in so long.
const (
	mailsPerAddress = 3
	mailsWithin     = 7 * day
)

// write says where the letter of an invite goes and what stands in it, when it is sent. There is no recipient if the invite has
// ended, if its inviter is kept out, if the address is somebody's already, or if it was sent enough of them.
func (s *Service) write(ctx context.Context, id uuid.UUID) (to mail.Recipient, data map[string]string, err error) {
	ctx = viewer.AsSystem(ctx, "a mail is sent when nobody asks")
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		to, data = mail.Recipient{}, nil
		row, err := tx.Invite.Query().Where(invite.ID(id)).ForUpdate().Only(ctx)
		if db.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the invite: %w", err)
		}
		from, err := tx.Account.Get(ctx, row.InviterID)
		if err != nil {
			return fmt.Errorf("read the inviter's account: %w", err)
		}
		code := s.codeOf(ofInvite, row.ID, row.CodeHash)
		if s.StateOf(row) != StatePending || row.Email == nil || !stands(from) || code == "" {
			return nil
		}
		if wanted, err := s.mayMail(ctx, tx, row); err != nil || !wanted {
			return err
		}
		to.Address = *row.Email
		data = map[string]string{
			"from": from.Username, "code": Show(code), "until": row.ExpiresAt.UTC().Format("2 January 2006"),
		}
		return nil
	})
	return to, data, err
}

// mayMail tells whether the letter of an invite is to be sent, and remembers that it is: a mail that has to be tried again is
// no further one.
func (s *Service) mayMail(ctx context.Context, tx *ent.Tx, row *ent.Invite) (bool, error) {
	if row.MailedAt != nil {
		return true, nil
	}
	// Only who has proved an address has it: a mere claim keeps nobody from being invited.
	has, err := tx.Account.Query().Where(account.Email(*row.Email), account.EmailVerifiedAtNotNil()).Exist(ctx)
	if err != nil || has {
		return false, wrap("look whose the address is", err)
	}
	// One after the other: of two letters that are written at once each would be the last that may go.
	macs := s.addressMACs(*row.Email)
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), 30))", macs[0]); err != nil {
		return false, wrap("lock the address", err)
	}
	now := s.now()
	sent, err := tx.Invite.Query().
		Where(invite.EmailMACIn(macs...), invite.MailedAtGT(now.Add(-mailsWithin))).Count(ctx)
	if err != nil || sent >= mailsPerAddress {
		return false, wrap("count the mails to an address", err)
	}
	return true, wrap("remember the mail", tx.Invite.UpdateOne(row).SetMailedAt(now.Truncate(time.Microsecond)).Exec(ctx))
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
