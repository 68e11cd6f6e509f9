package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/ent/idempotencykey"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// An eraser removes what a slice keeps of somebody, in as many transactions as it takes. It may be cut short anywhere
// and called again, also on another node at the same time.
type eraser struct {
	name  string
	erase func(ctx context.Context, account uuid.UUID) error
}

// WhenErased has a slice asked to remove what it keeps of somebody who is being erased, as the system, before the
// account goes. What refers to the account with ON DELETE CASCADE goes with it and needs no eraser.
func (s *Service) WhenErased(name string, erase func(ctx context.Context, account uuid.UUID) error) {
	s.erasers = append(s.erasers, eraser{name, erase})
}

// EraseDue erases the accounts whose grace is over. Whatever cuts it short, it goes on from there the next time: up to
// the last step the account's row says that it is being erased. An account that can not be erased keeps no other from
// it.
func (s *Service) EraseDue(ctx context.Context) error {
	ctx = viewer.AsSystem(ctx, "an erasing is due when nobody asks")
	var failed []uuid.UUID
	var problems []error
	for ctx.Err() == nil {
		id, err := s.db.Ent.Account.Query().Where(account.EraseAfterLTE(s.now()), account.IDNotIn(failed...)).
			Order(account.ByEraseAfter(), account.ByID()).FirstID(ctx)
		if db.IsNotFound(err) {
			break
		}
		if err != nil {
			return fmt.Errorf("find who is to be erased: %w", err)
		}
		if err := s.eraseOne(ctx, id); err != nil {
			failed, problems = append(failed, id), append(problems, err)
		}
	}
	return errors.Join(append(problems, ctx.Err())...)
}

func (s *Service) eraseOne(ctx context.Context, id uuid.UUID) error {
	isDue, err := s.beginErasing(ctx, id)
	if err != nil || !isDue {
		return err
	}
	for _, e := range s.erasers {
		if err := e.erase(ctx, id); err != nil {
			return fmt.Errorf("erase what %s keeps: %w", e.name, err)
		}
	}
	return s.db.Tx(ctx, func(tx *ent.Tx) error { return s.endErasing(ctx, tx, id) })
}

// beginErasing is the point of no return, unless its person has come back at this moment. From here on nobody signs
// in.
func (s *Service) beginErasing(ctx context.Context, id uuid.UUID) (isDue bool, err error) {
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		row, err := tx.Account.Query().Where(account.ID(id)).ForUpdate().Only(ctx)
		if db.IsNotFound(err) {
			return nil // another node's job was faster
		}
		if err != nil {
			return fmt.Errorf("lock the account: %w", err)
		}
		if isDue = row.EraseAfter != nil && !row.EraseAfter.After(s.now()); !isDue || row.ErasedAt != nil {
			return nil
		}
		if err := tx.Account.UpdateOne(row).SetErasedAt(s.now()).Exec(ctx); err != nil {
			return fmt.Errorf("begin to erase the account: %w", err)
		}
		return nil
	})
	return isDue, err
}

// endErasing removes the account, and with it what refers to it. The username is kept from everybody for a while, and
// the audit log says no more of the person than their id.
func (s *Service) endErasing(ctx context.Context, tx *ent.Tx, id uuid.UUID) error {
	row, err := tx.Account.Query().Where(account.ID(id)).ForUpdate().Only(ctx)
	if db.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock the account: %w", err)
	}
	if err := s.reserve(ctx, tx, row.Username, uuid.Nil); err != nil {
		return err
	}
	sessions, err := tx.AuthSession.Query().Where(authsession.AccountID(id)).IDs(ctx)
	if err != nil {
		return fmt.Errorf("find the sessions: %w", err)
	}
	if _, err := tx.IdempotencyKey.Delete().Where(idempotencykey.ResultIDIn(sessions...)).Exec(ctx); err != nil {
		return fmt.Errorf("remove the idempotency keys: %w", err)
	}
	// They refer to no account, since they are written without looking whether it is still there.
	if _, err := tx.LoginAttempt.Delete().Where(loginattempt.AccountID(id)).Exec(ctx); err != nil {
		return fmt.Errorf("remove the attempts to sign in: %w", err)
	}
	if err := audit.Scrub(ctx, tx, id); err != nil {
		return err
	}
	if err := s.log(ctx, tx, audit.AccountErased, row, nil); err != nil {
		return err
	}
	if err := s.facts.Store(ctx, tx, fact.Fact{Kind: factErased, Subject: id}); err != nil {
		return err
	}
	if err := tx.Account.DeleteOne(row).Exec(ctx); err != nil {
		return fmt.Errorf("remove the account: %w", err)
	}
	return nil
}
