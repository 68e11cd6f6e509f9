package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// LoginAttemptConnection is a page of attempts.
type LoginAttemptConnection = relay.Connection[*ent.LoginAttempt]

// LoginAttemptEdge is an attempt in a page.
type LoginAttemptEdge = relay.Edge[*ent.LoginAttempt]

// Attempts are those to get into the viewer's account, the latest first.
func (s *Service) Attempts(ctx context.Context, first int, after *string) (*LoginAttemptConnection, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "signInAttempts", Of: me}
	query := s.db.Ent.LoginAttempt.Query().Where(
		loginattempt.AccountID(me), loginattempt.CreatedAtGT(s.now().Add(-attemptKept)),
	)
	if page.After != nil {
		at, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		query.Where(loginattempt.Or(
			loginattempt.CreatedAtLT(at.Time),
			loginattempt.And(loginattempt.CreatedAt(at.Time), loginattempt.IDLT(at.ID)),
		))
	}
	rows, err := query.
		Order(loginattempt.ByCreatedAt(sql.OrderDesc()), loginattempt.ByID(sql.OrderDesc())).
		Limit(page.Limit()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the attempts: %w", err)
	}
	return relay.NewConnection(page, rows, func(row *ent.LoginAttempt) string {
		return list.Cursor(relay.Key{Time: row.CreatedAt, ID: row.ID})
	}), nil
}
