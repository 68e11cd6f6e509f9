package account

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// Erase deactivates the viewer's account and has it erased after the grace, and says when. Whoever comes back before
// calls that off.
func (s *Service) Erase(ctx context.Context) (*time.Time, error) {
	row, err := s.own(ctx, func(tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		return s.eraseAfter(ctx, tx, before, s.now().Add(s.grace))
	})
	if err != nil {
		return nil, err
	}
	return row.EraseAfter, nil
}

// EraseOf has somebody's account erased, for admins and the operator: after the grace, in which its person can come
// back, or with the next run of the erasing.
func (s *Service) EraseOf(ctx context.Context, in EraseAccountInput) (*ent.Account, error) {
	return s.overseen(ctx, in.AccountID, func(_ context.Context, tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		if before.ErasedAt != nil {
			return before, nil
		}
		at := s.now()
		if !in.Now {
			at = at.Add(s.grace)
		}
		return s.eraseAfter(ctx, tx, before, at)
	})
}

func (s *Service) eraseAfter(ctx context.Context, tx *ent.Tx, before *ent.Account, at time.Time) (*ent.Account, error) {
	if before.EraseAfter != nil && !at.Before(*before.EraseAfter) {
		return before, nil // asked for already, and not later than that
	}
	row, diff := before, audit.Diff{}
	if before.DeactivatedAt == nil {
		var err error
		if row, err = s.hide(ctx, tx, before, diff); err != nil {
			return nil, err
		}
		if err := s.facts.Store(ctx, tx, fact.Fact{Kind: factDeactivated, Subject: row.ID}); err != nil {
			return nil, err
		}
	}
	row, err := tx.Account.UpdateOne(row).SetEraseAfter(at).AddVersion(1).Save(viewer.AsSystem(ctx, "somebody may be erased by an admin"))
	if err != nil {
		return nil, fmt.Errorf("write when the account is to be erased: %w", err)
	}
	diff["erase_after"] = audit.FromTo(before.EraseAfter, at)
	if err := s.post(ctx, tx, mail.Letter{Template: mail.ErasureRequested, Account: row.ID, Data: map[string]string{"until": at.Format("2 January 2006, 15:04 UTC")}}); err != nil {
		return nil, err
	}
	return row, s.changed(ctx, tx, audit.AccountErasureRequested, row, diff)
}
