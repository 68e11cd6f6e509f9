package invite

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// Created is a new code, for the one time that it is shown.
type Created struct {
	Row       *ent.InviteCode
	Code, URL string
}

// CreateCode makes a code with which others can join. The operator's codes have no inviter.
func (s *Service) CreateCode(ctx context.Context, in CreateInviteCodeInput) (*Created, error) {
	if viewer.From(ctx).Kind() == viewer.Operator {
		return s.createForOperator(ctx, in)
	}
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	lasts, err := checkCode(in)
	if err != nil {
		return nil, err
	}
	id := uuid.Must(uuid.NewV7())
	made := &Created{Code: spell(s.ring.MAC(ofCode, id[:]))}
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		inviter, err := s.hold(ctx, tx, me)
		if err != nil {
			return err
		}
		if in.IdempotencyKey != nil {
			if first, err := s.repeat(ctx, tx, in, lasts); first != nil || err != nil {
				made = first
				return err
			}
		}
		if err := s.admit(ctx, tx, inviter, false); err != nil {
			return err
		}
		made.Row, err = s.createCode(ctx, tx, id, &me, made.Code, in, lasts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.shown(made), nil
}

// shown is a new code as people read it.
func (s *Service) shown(made *Created) *Created {
	made.Code = Show(made.Code)
	made.URL = s.Link(made.Code)
	return made
}

// checkCode answers for how long a code is good, if such a one can be made.
func checkCode(in CreateInviteCodeInput) (time.Duration, error) {
	if in.IdempotencyKey != nil {
		if n := utf8.RuneCountInString(*in.IdempotencyKey); n < 1 || n > 64 {
			return 0, fault.BadRequest([]string{"input", "idempotencyKey"}, "An idempotency key has 1 to 64 characters.")
		}
	}
	var tooMany error
	if in.MaxUses < 1 || in.MaxUses > maxUses {
		tooMany = refuse(CodeMaxUsesInvalid, fmt.Sprintf("A code is good for 1 to %d people.", maxUses), "input", "maxUses")
	}
	lasts, err := validity(in.ValidForDays, maxCodeDays)
	return lasts, errors.Join(tooMany, err)
}

// repeat answers the code that was made before under the same key; nil if none was. The inviter is locked.
func (s *Service) repeat(ctx context.Context, tx *ent.Tx, in CreateInviteCodeInput, lasts time.Duration) (*Created, error) {
	// The policy lets the viewer see codes of their own alone.
	row, err := tx.InviteCode.Query().Where(invitecode.IdempotencyKey(*in.IdempotencyKey)).Only(ctx)
	if db.IsNotFound(err) {
		return nil, nil // there was no first try
	}
	if err != nil {
		return nil, fmt.Errorf("look the idempotency key up: %w", err)
	}
	code := s.codeOf(ofCode, row.ID, row.CodeHash)
	if row.MaxUses != in.MaxUses || !row.ExpiresAt.Equal(row.CreatedAt.Add(lasts)) || code == "" {
		return nil, fault.KeyReused()
	}
	return &Created{Row: row, Code: code}, nil
}

func (s *Service) createCode(
	ctx context.Context, tx *ent.Tx, id uuid.UUID, inviter *uuid.UUID, code string, in CreateInviteCodeInput, lasts time.Duration,
) (*ent.InviteCode, error) {
	now := s.now()
	row, err := tx.InviteCode.Create().SetID(id).SetCreatedAt(now).SetExpiresAt(now.Add(lasts)).
		SetNillableInviterID(inviter).SetMaxUses(in.MaxUses).SetNillableIdempotencyKey(in.IdempotencyKey).
		SetCodeHash(hashOf(code)).SetHint(code[:hintLength]).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("write the code: %w", err)
	}
	return row, s.facts.Store(ctx, tx, fact.Fact{Kind: factCodeCreated, Subject: id})
}

// createForOperator makes a code of the service's own, such as that of the first person where nobody else is let in. The
// operator has none of the nodes' keys, so the code is made of nothing.
func (s *Service) createForOperator(ctx context.Context, in CreateInviteCodeInput) (*Created, error) {
	lasts, err := checkCode(in)
	if err != nil {
		return nil, err
	}
	made := &Created{Code: newCode()}
	sys := viewer.AsSystem(ctx, "the operator's codes are nobody's")
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		made.Row, err = s.createCode(sys, tx, uuid.Must(uuid.NewV7()), nil, made.Code, in, lasts)
		if err != nil {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{
			Action: audit.InviteCodeCreated, Target: audit.Target{Kind: ent.InviteCodePrefix, ID: made.Row.ID}, At: s.now(),
			Diff: audit.Diff{"max_uses": audit.FromTo(nil, in.MaxUses), "expires_at": audit.FromTo(nil, made.Row.ExpiresAt)},
		})
	})
	if err != nil {
		return nil, err
	}
	return s.shown(made), nil
}
