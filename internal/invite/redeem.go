package invite

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/ent/predicate"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// What keeps somebody from joining; registering says it in its own words.
var (
	// ErrRequired is a registration without a code where nobody joins without one.
	ErrRequired = errors.New("nobody joins without an invite")
	// ErrInvalid is a code with which nobody can join.
	ErrInvalid = errors.New("nobody can join with this code")
)

const joining = "whoever joins is nobody yet"

// Check tells what would keep somebody with this code from joining: asked before anything dear is done. Without a code it is
// empty, and asks nothing.
func (s *Service) Check(ctx context.Context, code string) error {
	if isBlank(code) {
		if s.o.IsInviteOnly {
			return ErrRequired
		}
		return nil
	}
	o, err := s.find(viewer.AsSystem(ctx, joining), s.db.Ent, code)
	if o == nil && err == nil {
		err = ErrInvalid
	}
	return err
}

// Redeem uses a code up by one, in the transaction that makes the account, and answers who invited: nil if nobody did or the
// operator. Of several at once who would take the last use, all but one are refused.
//
// The inviter comes before the code, as with whatever else locks both.
func (s *Service) Redeem(ctx context.Context, tx *ent.Tx, code string) (*uuid.UUID, error) {
	if isBlank(code) {
		return nil, nil // Check has let them pass
	}
	ctx = viewer.AsSystem(ctx, joining)
	o, err := s.find(ctx, tx.Client(), code)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, ErrInvalid
	}
	if o.inviter != nil {
		// The lock of a row that refers to the account: a ban comes before it, and is seen, or after all this.
		row, err := tx.Account.Query().Where(account.ID(*o.inviter)).ForShare(sql.WithLockClause("FOR KEY SHARE")).Only(ctx)
		if db.IsNotFound(err) || err == nil && !stands(row) {
			return nil, ErrInvalid
		}
		if err != nil {
			return nil, fmt.Errorf("lock the inviter's account: %w", err)
		}
	}
	n, err := s.use(ctx, tx, o)
	if err != nil {
		return nil, fmt.Errorf("use the code: %w", err)
	}
	if n == 0 {
		return nil, ErrInvalid
	}
	return o.inviter, nil
}

// use counts one use, if there is one left when its turn comes.
func (s *Service) use(ctx context.Context, tx *ent.Tx, o *offer) (int, error) {
	now := s.now()
	if o.invite != uuid.Nil {
		return tx.Invite.Update().Where(
			invite.ID(o.invite), invite.AcceptedAtIsNil(), invite.WithdrawnAtIsNil(), invite.ExpiresAtGT(now),
		).SetAcceptedAt(now).ClearEmail().Save(ctx)
	}
	return tx.InviteCode.Update().Where(
		invitecode.ID(o.code), hasUses, invitecode.RevokedAtIsNil(), invitecode.ExpiresAtGT(now),
	).AddUseCount(1).Save(ctx)
}

// hasUses holds for codes with which somebody else can join.
var hasUses predicate.InviteCode = func(s *sql.Selector) {
	s.Where(sql.ColumnsLT(s.C(invitecode.FieldUseCount), s.C(invitecode.FieldMaxUses)))
}
