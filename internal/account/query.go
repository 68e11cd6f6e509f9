package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/ent/privacy"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// Mine is the viewer's own account.
func (s *Service) Mine(ctx context.Context) (*ent.Account, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	row, err := s.db.Ent.Account.Get(ctx, me)
	if db.IsNotFound(err) { // erased while its session was still remembered
		return nil, fault.Unauthenticated()
	}
	if err != nil {
		return nil, fmt.Errorf("read the viewer's account: %w", err)
	}
	return row, nil
}

// ByIDs are those of the accounts that the viewer may see, their own at most, by id.
func (s *Service) ByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.Account, error) {
	rows, err := s.db.Ent.Account.Query().Where(account.IDIn(ids...)).All(ctx)
	if err != nil && !errors.Is(err, privacy.Deny) {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	byID := make(map[uuid.UUID]*ent.Account, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	return byID, nil
}

// SessionsByIDs are those of the sessions that the viewer may see and that stand, by id.
func (s *Service) SessionsByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.AuthSession, error) {
	rows, err := s.db.Ent.AuthSession.Query().
		Where(authsession.IDIn(ids...), authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(s.now())).All(ctx)
	if err != nil && !errors.Is(err, privacy.Deny) {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	byID := make(map[uuid.UUID]*ent.AuthSession, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	return byID, nil
}

// IsEmailVerified tells whether the account's address has been proved to be its own.
func IsEmailVerified(row *ent.Account) bool { return row.EmailVerifiedAt != nil }

// PendingEmail is the address that the account changes to once it is proved; nil if to none.
func (s *Service) PendingEmail(row *ent.Account) *string {
	if pending := s.pendingEmail(row); pending != "" {
		return &pending
	}
	return nil
}

// IfOwn is the account if it is the viewer's own, and nil else: what is done by a link shows nobody else's.
func IfOwn(ctx context.Context, row *ent.Account) *ent.Account {
	if row == nil || viewer.From(ctx).Account() != row.ID {
		return nil
	}
	return row
}
