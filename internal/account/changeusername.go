package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/usernamereservation"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// mostUsernames is how often somebody may change their username within reservedFor, going back included.
const mostUsernames = 5

// ChangeUsername gives the viewer another username, and the profile the same handle. The old one is reserved for them.
func (s *Service) ChangeUsername(ctx context.Context, in ChangeUsernameInput) (*ent.Account, error) {
	username, problem := checkUsername(in.Username)
	return s.own(ctx, func(tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		switch {
		case problem != "":
			return nil, refuse(CodeUsernameInvalid, problem, "input", "username")
		case username == before.Username:
			return before, nil
		case isReserved(username):
			return nil, refuse(CodeUsernameTaken, usernameTaken, "input", "username")
		}
		sys := viewer.AsSystem(ctx, "whose a username was is nobody's to see")
		if err := s.countUsernames(sys, tx, before.ID); err != nil {
			return nil, err
		}
		if err := s.holdUsername(sys, tx, username, before.ID); err != nil {
			return nil, err
		}
		row, err := tx.Account.UpdateOne(before).SetUsername(username).AddVersion(1).Save(ctx)
		if db.IsUnique(err, "accounts_username_key") {
			return nil, refuse(CodeUsernameTaken, usernameTaken, "input", "username")
		}
		if err != nil {
			return nil, fmt.Errorf("write the username: %w", err)
		}
		if err := s.moveReservations(sys, tx, before, username); err != nil {
			return nil, err
		}
		if err := s.profiles.Rename(ctx, tx, row.ID, username); err != nil {
			return nil, err
		}
		if err := s.post(ctx, tx, mail.Letter{Template: mail.UsernameChanged, Account: row.ID}); err != nil {
			return nil, err
		}
		return row, s.changed(ctx, tx, audit.AccountUsernameChanged, row, audit.Diff{"username": audit.FromTo(before.Username, username)})
	})
}

// countUsernames refuses who has changed their username too often of late. Each change has left a reservation.
func (s *Service) countUsernames(ctx context.Context, tx *ent.Tx, account uuid.UUID) error {
	n, err := tx.UsernameReservation.Query().Where(
		usernamereservation.AccountID(account), usernamereservation.CreatedAtGT(s.now().Add(-reservedFor)),
	).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the usernames of late: %w", err)
	}
	if n >= mostUsernames {
		return refuse(CodeUsernameChangedTooOften, "You have changed your username too often. Try again in some weeks.", "input", "username")
	}
	return nil
}

// moveReservations reserves the name that was given up, and gives the new one free if it was reserved for this very
// account. It comes after the writing of the name: whoever gave it up at this moment has reserved it by now.
func (s *Service) moveReservations(ctx context.Context, tx *ent.Tx, before *ent.Account, username string) error {
	kept, err := s.isKept(ctx, tx.UsernameReservation.Query(), username, before.ID)
	if err != nil {
		return err
	}
	if kept {
		return refuse(CodeUsernameTaken, usernameTaken, "input", "username")
	}
	err = tx.UsernameReservation.Update().Where(
		usernamereservation.NameMACIn(s.ring.MACs(reservationPurpose, []byte(username))...),
		usernamereservation.AccountID(before.ID), usernamereservation.ReleasedAtIsNil(),
	).SetReleasedAt(s.now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("give the reserved username back: %w", err)
	}
	return s.reserve(ctx, tx, before.Username, before.ID)
}
