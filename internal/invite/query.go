package invite

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// Mine is a page of the viewer's invites, latest first.
func (s *Service) Mine(ctx context.Context, first int, after *string) (*InviteConnection, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "invites", Of: me}
	q := s.db.Ent.Invite.Query().Where(invite.InviterID(me)).
		Order(invite.ByCreatedAt(sql.OrderDesc()), invite.ByID(sql.OrderDesc())).Limit(page.Limit())
	if page.After != nil {
		key, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		q.Where(invite.Or(invite.CreatedAtLT(key.Time), invite.And(invite.CreatedAt(key.Time), invite.IDLT(key.ID))))
	}
	rows, err := q.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the invites: %w", err)
	}
	cursor := func(r *ent.Invite) string { return list.Cursor(relay.Key{Time: r.CreatedAt, ID: r.ID}) }
	return relay.NewConnection(page, rows, cursor), nil
}

// MyCodes is a page of the viewer's codes, latest first.
func (s *Service) MyCodes(ctx context.Context, first int, after *string) (*InviteCodeConnection, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "inviteCodes", Of: me}
	q := s.db.Ent.InviteCode.Query().Where(invitecode.InviterID(me)).
		Order(invitecode.ByCreatedAt(sql.OrderDesc()), invitecode.ByID(sql.OrderDesc())).Limit(page.Limit())
	if page.After != nil {
		key, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		q.Where(invitecode.Or(invitecode.CreatedAtLT(key.Time), invitecode.And(invitecode.CreatedAt(key.Time), invitecode.IDLT(key.ID))))
	}
	rows, err := q.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the codes: %w", err)
	}
	cursor := func(r *ent.InviteCode) string { return list.Cursor(relay.Key{Time: r.CreatedAt, ID: r.ID}) }
	return relay.NewConnection(page, rows, cursor), nil
}

// ByIDs are the viewer's own invites with these ids.
func (s *Service) ByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.Invite, error) {
	rows, err := s.db.Ent.Invite.Query().Where(invite.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read invites: %w", err)
	}
	found := make(map[uuid.UUID]*ent.Invite, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// CodesByIDs are the viewer's own codes with these ids.
func (s *Service) CodesByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.InviteCode, error) {
	rows, err := s.db.Ent.InviteCode.Query().Where(invitecode.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read codes: %w", err)
	}
	found := make(map[uuid.UUID]*ent.InviteCode, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// StateOf is what has become of an invite.
func (s *Service) StateOf(row *ent.Invite) InviteState {
	switch {
	case row.AcceptedAt != nil:
		return StateAccepted
	case row.WithdrawnAt != nil:
		return StateWithdrawn
	case !s.now().Before(row.ExpiresAt):
		return StateExpired
	}
	return StatePending
}

// EmailOf is where an invite was sent, as long as it stands: the sweep comes only now and then.
func (s *Service) EmailOf(row *ent.Invite) *string {
	if s.StateOf(row) != StatePending {
		return nil
	}
	return row.Email
}

// CodeStateOf is what has become of a code.
func (s *Service) CodeStateOf(row *ent.InviteCode) InviteCodeState {
	switch {
	case row.RevokedAt != nil:
		return CodeStateRevoked
	case row.UseCount >= row.MaxUses:
		return CodeStateUsedUp
	case !s.now().Before(row.ExpiresAt):
		return CodeStateExpired
	}
	return CodeStateActive
}
