package profile

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
)

// Create makes the profile of an account that is being made in the same transaction. The context is the
// system's: nobody is anybody yet.
func (s *Service) Create(ctx context.Context, tx *ent.Tx, account uuid.UUID, username, displayName string) error {
	err := tx.Profile.Create().SetID(account).SetUsername(username).SetDisplayName(displayName).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}
