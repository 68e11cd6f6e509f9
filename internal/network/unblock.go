package network

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/block"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// Unblock takes a block back and answers the profile, if the viewer may see it then. Unblocking somebody
// who is not blocked changes nothing.
func (s *Service) Unblock(ctx context.Context, in UnblockInput) (*ent.Profile, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	other, err := in.ProfileID.Row(ent.ProfilePrefix, "input", "profileId")
	if err != nil {
		return nil, err
	}
	var n int
	var notices []messaging.Notice
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		notices = nil
		if err := s.lockPair(ctx, tx, me, other); err != nil {
			return err
		}
		n, err = tx.Block.Delete().Where(block.BlockerID(me), block.BlockedID(other)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("delete the block: %w", err)
		}
		if n == 0 {
			return nil
		}
		left, err := standing(ctx, tx, me, other)
		if err != nil {
			return err
		}
		if left == 0 {
			if notices, err = s.messaging.Rejoin(ctx, tx, me, other); err != nil {
				return err
			}
		}
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factUnblocked, Subject: me, Refs: map[string]uuid.UUID{refBlocked: other}})
	})
	if err != nil {
		return nil, err
	}
	s.messaging.Announce(notices)
	visible, err := s.profiles.ByIDs(ctx, []uuid.UUID{other})
	if err != nil {
		return nil, err
	}
	if n == 0 && visible[other] == nil {
		// Whoever has blocked the viewer is answered like somebody who does not exist.
		return nil, noSuchPerson()
	}
	return visible[other], nil
}
