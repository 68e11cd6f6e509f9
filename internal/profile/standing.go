package profile

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
)

// Hide hides a profile from everybody since a moment, or, without one, shows it again: its account has been
// deactivated or banned, or is back. The context is the system's.
func (s *Service) Hide(ctx context.Context, tx *ent.Tx, account uuid.UUID, since *time.Time) error {
	change := tx.Profile.UpdateOneID(account)
	if since == nil {
		change.ClearHiddenAt()
	} else {
		change.SetHiddenAt(*since)
	}
	if err := change.Exec(ctx); err != nil {
		return fmt.Errorf("hide or show the profile: %w", err)
	}
	return nil
}

// Rename gives a profile the handle that its account has just been given in the same transaction.
func (s *Service) Rename(ctx context.Context, tx *ent.Tx, account uuid.UUID, username string) error {
	if err := tx.Profile.UpdateOneID(account).SetUsername(username).AddVersion(1).Exec(ctx); err != nil {
		return fmt.Errorf("write the profile's handle: %w", err)
	}
	return s.facts.Store(ctx, tx, fact.Fact{Kind: factUpdated, Subject: account})
}
