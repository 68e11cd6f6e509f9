package network

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/block"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/sibling"
	"github.com/convenehq/convene/internal/viewer"
)

// Blocks is a page of whom the viewer has blocked, latest first.
func (s *Service) Blocks(ctx context.Context, first int, after *string) (*BlockConnection, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "blocks", Of: me}
	q := s.db.Ent.Block.Query().Order(block.ByCreatedAt(sql.OrderDesc()), block.ByID(sql.OrderDesc())).Limit(page.Limit())
	if page.After != nil {
		key, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		q.Where(block.Or(block.CreatedAtLT(key.Time), block.And(block.CreatedAt(key.Time), block.IDLT(key.ID))))
	}
	rows, err := q.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the blocks: %w", err)
	}
	cursor := func(b *ent.Block) string { return list.Cursor(relay.Key{Time: b.CreatedAt, ID: b.ID}) }
	return relay.NewConnection(page, rows, cursor), nil
}

// Blocked is the card of whom a block keeps away.
func (s *Service) Blocked(ctx context.Context, b *ent.Block) (*profile.ProfileCard, error) {
	return sibling.Load(ctx, b, "blocked", func(b *ent.Block) uuid.UUID { return b.BlockedID }, s.profiles.Cards)
}

// ByIDs are the viewer's own blocks with these ids.
func (s *Service) ByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.Block, error) {
	rows, err := s.db.Ent.Block.Query().Where(block.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read blocks: %w", err)
	}
	found := make(map[uuid.UUID]*ent.Block, len(rows))
	for _, b := range rows {
		found[b.ID] = b
	}
	return found, nil
}
