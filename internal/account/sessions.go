package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// Sessions are where the viewer is signed in, last used first.
func (s *Service) Sessions(ctx context.Context, first int, after *string) (*AuthSessionConnection, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "sessions", Of: me}
	query := s.db.Ent.AuthSession.Query().Where(
		authsession.AccountID(me), authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(s.now()),
	)
	if page.After != nil {
		at, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		query.Where(authsession.Or(
			authsession.LastUsedAtLT(at.Time),
			authsession.And(authsession.LastUsedAt(at.Time), authsession.IDLT(at.ID)),
		))
	}
	rows, err := query.
		Order(authsession.ByLastUsedAt(sql.OrderDesc()), authsession.ByID(sql.OrderDesc())).
		Limit(page.Limit()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the sessions: %w", err)
	}
	return relay.NewConnection(page, rows, func(row *ent.AuthSession) string {
		return list.Cursor(relay.Key{Time: row.LastUsedAt, ID: row.ID})
	}), nil
}

// IsCurrent tells whether a session is the one that asks.
func IsCurrent(ctx context.Context, session *ent.AuthSession) bool {
	return session.ID == viewer.From(ctx).Session()
}
