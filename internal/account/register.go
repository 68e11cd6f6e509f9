package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

const usernameTaken = "This username is taken."

// errRaced means that the first try under the same idempotency key has been committed meanwhile.
var errRaced = errors.New("the idempotency key was used at the same moment")

// Register makes an account with its profile and signs in. That an address is claimed by somebody else
// already makes no difference to any of it.
func (s *Service) Register(ctx context.Context, in RegisterInput) (*SignedIn, error) {
	c, refusals, err := s.readClaim(ctx, in)
	if err != nil {
		return nil, err
	}
	uninvited, err := s.checkInvite(ctx, c)
	if err != nil {
		return nil, err
	}
	ctx = viewer.AsSystem(ctx, "who registers is nobody yet")
	if _, err := s.try(ctx, here(ctx, registerFrom)...); err != nil {
		return nil, err
	}
	// Asked before the password is hashed: names are public, hashes are dear.
	taken, err := s.isTaken(ctx, c.username)
	if err != nil {
		return nil, err
	}
	// Asked after both: if it was our own first try that took the name or used the code up, its key is in sight by now.
	if refusals == nil && c.key != "" {
		if again, err := s.repeat(ctx, c); again != nil || err != nil {
			return again, err
		}
	}
	if taken {
		refusals = errors.Join(refusals, refuse(CodeUsernameTaken, usernameTaken, "input", "username"))
	}
	if refusals = errors.Join(refusals, uninvited); refusals != nil {
		return nil, refusals
	}
	hash, err := s.passwords.hash(ctx, c.password)
	if err != nil {
		return nil, err
	}
	var session *ent.AuthSession
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		session, err = s.enrol(ctx, tx, c, hash)
		return err
	})
	if errors.Is(err, errRaced) {
		again, err := s.repeat(ctx, c)
		if again == nil && err == nil {
			err = errors.New("register: the key that was in the way is gone")
		}
		return again, err
	}
	if err != nil {
		return nil, err
	}
	return s.signedIn(session, viewer.RoleUser)
}

// enrol writes all that a new account is made of. The key's row comes first: whoever repeats the request
// at the same moment waits there, and not at the username, where they would be told that it is taken.
func (s *Service) enrol(ctx context.Context, tx *ent.Tx, c claim, hash string) (*ent.AuthSession, error) {
	now := s.now()
	id, sessionID := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	if c.key != "" {
		if err := s.rememberKey(ctx, tx, c, sessionID); err != nil {
			return nil, err
		}
	}
	// Before the name: whoever waits for the same name here holds the code already.
	inviter, err := s.useInvite(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	if err := s.holdUsername(ctx, tx, c.username, id); err != nil {
		return nil, err
	}
	row, err := tx.Account.Create().SetID(id).SetCreatedAt(now).SetUpdatedAt(now).
		SetUsername(c.username).SetEmail(c.email).SetEmailClaimedAt(now).SetPasswordHash(hash).
		SetNillableInvitedBy(inviter).SetLastLoginAt(now).Save(ctx)
	if db.IsUnique(err, "accounts_username_key") {
		return nil, refuse(CodeUsernameTaken, usernameTaken, "input", "username")
	}
	if err != nil {
		return nil, fmt.Errorf("write the account: %w", err)
	}
	if kept, err := s.isKept(ctx, tx.UsernameReservation.Query(), c.username, id); err != nil || kept {
		return nil, cmp.Or(err, refuse(CodeUsernameTaken, usernameTaken, "input", "username"))
	}
	if err := s.profiles.Create(ctx, tx, id, c.username, c.displayName); err != nil {
		return nil, err
	}
	if err := s.facts.Store(ctx, tx, newcomer(id, inviter)...); err != nil {
		return nil, err
	}
	// The letter is the same for every address; whether it is sent is decided when nobody waits for an answer.
	if err := s.mailLink(ctx, tx, mail.VerifyEmail, row, onetimetoken.PurposeVERIFY_EMAIL, row.Email, verifyLifetime); err != nil {
		return nil, err
	}
	if err := s.noteIn(ctx, tx, loginattempt.OutcomeREGISTERED, id, c.username); err != nil {
		return nil, err
	}
	return s.openSession(ctx, tx, sessionID, id, c.cookie)
}
