package profile

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/privacy"
	"github.com/convenehq/convene/ent/profile"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// ByUsername is the profile with a handle; nil if there is none that the viewer may see. A leading @ and
// the case of letters do not matter.
func (s *Service) ByUsername(ctx context.Context, username string) (*ent.Profile, error) {
	username = strings.ToLower(strings.TrimPrefix(strings.Trim(username, " "), "@"))
	row, err := s.db.Ent.Profile.Query().Where(profile.Username(username)).Only(ctx)
	switch {
	case db.IsNotFound(err), errors.Is(err, privacy.Deny):
		return nil, nil // absent and forbidden look the same: null
	case err != nil:
		return nil, fmt.Errorf("find the profile by its handle: %w", err)
	}
	return row, nil
}

// ByIDs are those of the profiles that the viewer may see, by id, in one statement.
func (s *Service) ByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.Profile, error) {
	rows, err := s.db.Ent.Profile.Query().Where(profile.IDIn(ids...)).All(ctx)
	if errors.Is(err, privacy.Deny) {
		return map[uuid.UUID]*ent.Profile{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read profiles: %w", err)
	}
	byID := make(map[uuid.UUID]*ent.Profile, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	return byID, nil
}

// Mine is the viewer's own profile.
func (s *Service) Mine(ctx context.Context) (*ent.Profile, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	row, err := s.db.Ent.Profile.Get(ctx, me)
	if db.IsNotFound(err) { // erased while its session was still remembered
		return nil, fault.Unauthenticated()
	}
	if err != nil {
		return nil, fmt.Errorf("read the viewer's profile: %w", err)
	}
	return row, nil
}
