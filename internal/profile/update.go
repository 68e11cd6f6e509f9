package profile

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/profile"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// Update changes the viewer's own profile and returns it as it is now, also with the refusal CONFLICT: so
// the client has what it needs to ask its person again.
func (s *Service) Update(ctx context.Context, in UpdateProfileInput) (*ent.Profile, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if in.DisplayName == nil {
		return s.unchanged(ctx, in)
	}
	name, problem := CheckDisplayName(*in.DisplayName)
	if problem != "" {
		return nil, refuse(CodeDisplayNameInvalid, problem, "input", "displayName")
	}
	var row *ent.Profile
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		change := tx.Profile.UpdateOneID(me).SetDisplayName(name).AddVersion(1)
		if in.ExpectedVersion != nil {
			// In the statement itself, so that of two edits of one version only one is taken.
			change.Where(profile.Version(*in.ExpectedVersion))
		}
		if row, err = change.Save(ctx); err != nil {
			return fmt.Errorf("write the profile: %w", err)
		}
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factUpdated, Subject: me})
	})
	if db.IsNotFound(err) {
		return s.unchanged(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}

// unchanged is the profile as it stands, and whether it still is what was edited.
func (s *Service) unchanged(ctx context.Context, in UpdateProfileInput) (*ent.Profile, error) {
	row, err := s.Mine(ctx)
	if err != nil {
		return nil, err
	}
	if in.ExpectedVersion != nil && *in.ExpectedVersion != row.Version {
		return row, refuse(CodeConflict, "The profile has changed in the meantime.", "input", "expectedVersion")
	}
	return row, nil
}
