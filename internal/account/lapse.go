package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// maxLapsed is how many claims one sweep ends.
const maxLapsed = 1000

// emailProved names an account that has proved its address, for the job that ends the claims of others.
type emailProved struct {
	Account uuid.UUID `json:"account"`
}

// afterProof has the claims of others ended once the transaction has committed: each is a row of its own, which
// whoever proves an address must not wait for.
func (s *Service) afterProof(ctx context.Context, tx *ent.Tx, of emailProved) error {
	if s.proved == nil {
		db.AfterCommit(tx, func() {
			if err := s.endOtherClaims(ctx, of); err != nil {
				slog.WarnContext(ctx, "The claims of others to an address did not end", "error", err)
			}
		})
		return nil
	}
	_, err := s.proved.Insert(ctx, tx, of)
	return err
}

// endOtherClaims takes an address that has been proved from the accounts that merely claimed it.
func (s *Service) endOtherClaims(ctx context.Context, of emailProved) error {
	ctx = viewer.AsSystem(ctx, "the claims of others end")
	owner, err := s.db.Ent.Account.Get(ctx, of.Account)
	if db.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find who proved the address: %w", err)
	}
	if owner.EmailVerifiedAt == nil {
		return nil
	}
	others, err := s.db.Ent.Account.Query().
		Where(account.Email(owner.Email), account.EmailVerifiedAtIsNil()).Order(account.ByID()).IDs(ctx)
	if err != nil {
		return fmt.Errorf("find who else claims the address: %w", err)
	}
	for _, id := range others {
		// Looked at again: they may claim another one by now.
		err := s.db.Ent.Account.Update().Where(account.ID(id), account.Email(owner.Email), account.EmailVerifiedAtIsNil()).
			SetEmail("").AddVersion(1).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end a claim: %w", err)
		}
	}
	return nil
}

// lapse ends what was not proved in time: an account keeps its username, and has no address any more. One after the
// other, so that it waits for nobody while it holds somebody.
func (s *Service) lapse(ctx context.Context) error {
	cut := s.now().Add(-claimLifetime)
	unproved := account.And(account.EmailVerifiedAtIsNil(), account.EmailNEQ(""), account.EmailClaimedAtLTE(cut))
	claims, err := s.db.Ent.Account.Query().Where(unproved).Limit(maxLapsed).IDs(ctx)
	if err != nil {
		return fmt.Errorf("find claims that lapse: %w", err)
	}
	forgotten := account.And(account.EmailPendingNotNil(), account.EmailPendingAtLTE(cut))
	changes, err := s.db.Ent.Account.Query().Where(forgotten).Limit(maxLapsed).IDs(ctx)
	if err != nil {
		return fmt.Errorf("find changes of addresses that lapse: %w", err)
	}
	var all []error
	for _, id := range claims {
		all = append(all, s.db.Ent.Account.Update().Where(account.ID(id), unproved).SetEmail("").AddVersion(1).Exec(ctx))
	}
	for _, id := range changes {
		all = append(all, s.db.Ent.Account.Update().Where(account.ID(id), forgotten).
			ClearEmailPending().ClearEmailPendingAt().AddVersion(1).Exec(ctx))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("let claims lapse: %w", err)
	}
	return nil
}
