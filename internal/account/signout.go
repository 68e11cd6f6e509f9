package account

import (
	"context"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// SignOut ends the session that asks and says which one that was.
func (s *Service) SignOut(ctx context.Context) (*relay.ID, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	session := viewer.From(ctx).Session()
	if err := s.endOwn(ctx, session, me); err != nil {
		return nil, err
	}
	return new(relay.NewID(ent.AuthSessionPrefix, session)), nil
}
