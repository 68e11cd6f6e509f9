package account

import (
	"context"
	"fmt"
	"slices"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/fault"
)

// Grant gives an account a role, in place of the one that it has. What is granted takes effect with the
// next request, a second later at most. Whoever loses a role is signed out with it: a socket keeps the role
// that it was opened with.
func (s *Service) Grant(ctx context.Context, in GrantRoleInput) (*ent.Account, error) {
	if !slices.Contains(in.Role.Values(), string(in.Role)) {
		return nil, fault.BadRequest([]string{"input", "role"}, "There is no such role.")
	}
	return s.overseen(ctx, in.AccountID, func(sys context.Context, tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		if before.Role == in.Role {
			return before, nil
		}
		row, err := tx.Account.UpdateOne(before).SetRole(in.Role).AddVersion(1).Save(sys)
		if err != nil {
			return nil, fmt.Errorf("write the role: %w", err)
		}
		diff := audit.Diff{"role": audit.FromTo(before.Role, in.Role)}
		if in.Role.IsBelow(before.Role) {
			if err := s.endAll(sys, tx, row.ID, diff); err != nil {
				return nil, err
			}
		}
		return row, s.changed(ctx, tx, audit.AccountRoleGranted, row, diff)
	})
}

// changed tells of what was done to an account: to the audit log, and as a fact of the same name.
func (s *Service) changed(ctx context.Context, tx *ent.Tx, did audit.Action, to *ent.Account, diff audit.Diff) error {
	if err := s.log(ctx, tx, did, to, diff); err != nil {
		return err
	}
	return s.facts.Store(ctx, tx, fact.Fact{Kind: string(did), Subject: to.ID})
}

// log writes what was done to an account into the audit log.
func (s *Service) log(ctx context.Context, tx *ent.Tx, did audit.Action, to *ent.Account, diff audit.Diff) error {
	return audit.Write(ctx, tx, audit.Entry{
		Action: did, Target: audit.Target{Kind: ent.AccountPrefix, ID: to.ID}, Account: to.ID, Diff: diff, At: s.now(),
	})
}
