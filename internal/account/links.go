package account

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	// How long links are good, by what they do.
	verifyLifetime, resetLifetime, undoLifetime = 24 * time.Hour, time.Hour, 7 * 24 * time.Hour
	// issuedResetLifetime is for the link that an admin has sent: nobody waits for it at that moment.
	issuedResetLifetime = 24 * time.Hour
	// resetWaits is for how long a new password that was asked for waits for the address to be proved.
	resetWaits = 24 * time.Hour
	// linkKept is for how long a link that has ended can be told from one that never was, as ent/schema declares.
	linkKept = 30 * 24 * time.Hour
)

// The kinds of links, as they stand in their addresses.
const (
	KindVerify = "verify"
	KindReset  = "reset"
	KindUndo   = "undo"
)

// DefaultLinks is where links go unless a setting says otherwise: to the pages of this server.
const DefaultLinks = "/{kind}?token={token}"

func kindOf(p onetimetoken.Purpose) string {
	switch p {
	case onetimetoken.PurposeRESET_PASSWORD:
		return KindReset
	case onetimetoken.PurposeUNDO_EMAIL:
		return KindUndo
	case onetimetoken.PurposeVERIFY_EMAIL, onetimetoken.PurposeCHANGE_EMAIL:
	}
	return KindVerify
}

// issue writes the row that a link stands for.
func (s *Service) issue(
	ctx context.Context, tx *ent.Tx, id uuid.UUID, of *ent.Account, purpose onetimetoken.Purpose, to string, lasts time.Duration,
) error {
	now := s.now()
	row := tx.OneTimeToken.Create().SetID(id).SetCreatedAt(now).
		SetAccountID(of.ID).SetPurpose(purpose).SetEmail(to).SetExpiresAt(now.Add(lasts))
	if purpose == onetimetoken.PurposeRESET_PASSWORD {
		row.SetPasswordMark(passwordMark(of))
	}
	if err := row.Exec(ctx); err != nil {
		return fmt.Errorf("issue a link: %w", err)
	}
	return nil
}

// mailLink issues a link and posts the letter that has it.
func (s *Service) mailLink(
	ctx context.Context, tx *ent.Tx, template string, of *ent.Account, purpose onetimetoken.Purpose, to string, lasts time.Duration,
) error {
	id := uuid.Must(uuid.NewV7())
	if err := s.issue(ctx, tx, id, of, purpose, to, lasts); err != nil {
		return err
	}
	return s.post(ctx, tx, mail.Letter{Template: template, About: id})
}

// post posts a letter, where mails are sent.
func (s *Service) post(ctx context.Context, tx *ent.Tx, l mail.Letter) error {
	if s.mail == nil {
		return nil
	}
	_, err := s.mail.Post(ctx, tx, l)
	return err
}

// passwordMark says which password an account has, without saying anything about it: a link to a new password ends
// with the one that it was issued for, however that is changed.
func passwordMark(of *ent.Account) []byte {
	mark := sha256.Sum256([]byte(of.PasswordHash))
	return mark[:]
}

// linkURL is what a mail says.
func (s *Service) linkURL(t *ent.OneTimeToken) string {
	return strings.NewReplacer("{kind}", kindOf(t.Purpose), "{token}", s.ring.SignLink(t.ID)).Replace(s.links)
}

// findLink is the row that a link stands for, if it is one of the purposes. A made-up link costs no statement.
func (s *Service) findLink(ctx context.Context, text string, purposes ...onetimetoken.Purpose) (*ent.OneTimeToken, error) {
	id, err := s.ring.ParseLink(text)
	if err != nil {
		return nil, linkInvalid()
	}
	t, err := s.db.Ent.OneTimeToken.Get(ctx, id)
	if db.IsNotFound(err) || err == nil && !slices.Contains(purposes, t.Purpose) {
		return nil, linkInvalid()
	}
	if err != nil {
		return nil, fmt.Errorf("look a link up: %w", err)
	}
	return t, nil
}

// judgeLink refuses a link that is not good, or no longer.
func (s *Service) judgeLink(ctx context.Context, in *ent.Client, t *ent.OneTimeToken, of *ent.Account) error {
	switch {
	case t.UsedAt != nil:
		return refuse(CodeLinkUsed, "This link has been used.", "input", "token")
	case !s.now().Before(t.ExpiresAt):
		return refuse(CodeLinkExpired, "This link is too old.", "input", "token")
	case s.applies(t, of):
		return nil
	}
	if kindOf(t.Purpose) == KindVerify {
		if owner, err := ownerOf(ctx, in, t.Email); err != nil {
			return err
		} else if owner != uuid.Nil && owner != of.ID {
			return emailTaken()
		}
	}
	return linkInvalid()
}

// applies tells whether a link still fits how the account is.
func (s *Service) applies(t *ent.OneTimeToken, of *ent.Account) bool {
	if of.ErasedAt != nil {
		return false
	}
	switch t.Purpose {
	case onetimetoken.PurposeVERIFY_EMAIL:
		return of.EmailVerifiedAt == nil && of.Email == t.Email
	case onetimetoken.PurposeCHANGE_EMAIL:
		return s.pendingEmail(of) == t.Email
	case onetimetoken.PurposeRESET_PASSWORD:
		return of.EmailVerifiedAt != nil && of.Email == t.Email && slices.Equal(t.PasswordMark, passwordMark(of))
	case onetimetoken.PurposeUNDO_EMAIL:
		return true
	}
	return false
}

// pendingEmail is the address that an account changes to; empty if to none.
func (s *Service) pendingEmail(of *ent.Account) string {
	if of.EmailPending == nil || of.EmailPendingAt == nil || !s.now().Before(of.EmailPendingAt.Add(claimLifetime)) {
		return ""
	}
	return *of.EmailPending
}

// isClaimed tells whether the account's address may be written to: it is proved, or its claim has not lapsed.
func (s *Service) isClaimed(of *ent.Account) bool {
	return of.Email != "" && (of.EmailVerifiedAt != nil || s.now().Before(of.EmailClaimedAt.Add(claimLifetime)))
}

// ownerOf is the account that has proved an address; the zero id if none has.
func ownerOf(ctx context.Context, in *ent.Client, email string) (uuid.UUID, error) {
	id, err := in.Account.Query().Where(account.Email(email), account.EmailVerifiedAtNotNil()).OnlyID(ctx)
	if err != nil && !db.IsNotFound(err) {
		return uuid.Nil, fmt.Errorf("find the owner of an address: %w", err)
	}
	return id, nil
}

// lockAccount locks an account as whoever changes it does: no session is opened meanwhile.
func lockAccount(ctx context.Context, tx *ent.Tx, id uuid.UUID) (*ent.Account, error) {
	row, err := tx.Account.Query().Where(account.ID(id)).ForUpdate().Only(ctx)
	if err != nil && !db.IsNotFound(err) {
		err = fmt.Errorf("lock the account: %w", err)
	}
	return row, err
}

// redeem does what a link is for, and uses it up: in one transaction, under the account's lock, so that of two who
// come with it at once one does. The change gets the context to write in and that of the link's holder, in whose
// name it is logged: it is the account's person, whoever is signed in where the link was opened.
func (s *Service) redeem(
	ctx context.Context, found *ent.OneTimeToken, change func(sys, holder context.Context, tx *ent.Tx, t *ent.OneTimeToken, of *ent.Account) error,
) error {
	holder := viewer.With(ctx, viewer.OfPerson(found.AccountID, uuid.Nil))
	err := s.db.Tx(ctx, func(tx *ent.Tx) error {
		of, err := lockAccount(ctx, tx, found.AccountID)
		if db.IsNotFound(err) {
			return linkInvalid()
		}
		if err != nil {
			return err
		}
		// Read again under the lock: it may have been used while we waited.
		t, err := tx.OneTimeToken.Get(ctx, found.ID)
		if db.IsNotFound(err) {
			return linkInvalid()
		}
		if err != nil {
			return fmt.Errorf("read the link again: %w", err)
		}
		if err := s.judgeLink(ctx, tx.Client(), t, of); err != nil {
			return err
		}
		if err := tx.OneTimeToken.UpdateOne(t).SetUsedAt(s.now()).Exec(ctx); err != nil {
			return fmt.Errorf("use the link up: %w", err)
		}
		return change(ctx, holder, tx, t, of)
	})
	if db.IsUnique(err, "account_email_verified") {
		return emailTaken()
	}
	return err
}

func linkInvalid() error {
	return refuse(CodeLinkInvalid, "This link is not valid, or not for this.", "input", "token")
}

func emailTaken() error {
	return refuse(CodeEmailTaken, "The address belongs to another account by now.", "input", "token")
}
