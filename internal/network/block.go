package network

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/block"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// Block keeps a person away from the viewer. Blocking twice answers the block that stands.
func (s *Service) Block(ctx context.Context, in BlockInput) (*ent.Block, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	other, err := in.ProfileID.Row(ent.ProfilePrefix, "input", "profileId")
	if err != nil {
		return nil, err
	}
	if me == other {
		return nil, refuse(CodeSelf, "You can not block yourself.", "input", "profileId")
	}
	known, err := s.knows(ctx, other)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, noSuchPerson()
	}
	var b *ent.Block
	var notices []messaging.Notice
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		notices = nil
		if err := s.lockPair(ctx, tx, me, other); err != nil {
			return err
		}
		b, err = tx.Block.Query().Where(block.BlockerID(me), block.BlockedID(other)).Only(ctx)
		if err == nil {
			return nil
		}
		if !db.IsNotFound(err) {
			return fmt.Errorf("look for the block: %w", err)
		}
		before, err := standing(ctx, tx, me, other)
		if err != nil {
			return err
		}
		if b, err = tx.Block.Create().SetBlockerID(me).SetBlockedID(other).Save(ctx); err != nil {
			return fmt.Errorf("make the block: %w", err)
		}
		if before == 0 {
			if notices, err = s.messaging.Part(ctx, tx, me, other); err != nil {
				return err
			}
		}
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factBlocked, Subject: me, Refs: map[string]uuid.UUID{refBlocked: other}})
	})
	if err != nil {
		return nil, err
	}
	s.messaging.Announce(notices)
	return b, nil
}
