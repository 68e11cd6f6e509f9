package profile

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/profile"
	"github.com/convenehq/convene/internal/sibling"
	"github.com/convenehq/convene/internal/viewer"
)

// Cards are the cards of people, by id, in one statement; there is none for who does not exist or is
// hidden. They are
// the same for every viewer: whoever may read what a person wrote sees who wrote it, also when a block
// stands between them by now. So ask only for the authors of what the viewer may read.
func (s *Service) Cards(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ProfileCard, error) {
	rows, err := s.db.Ent.Profile.Query().Where(profile.IDIn(ids...), profile.HiddenAtIsNil()).
		Select(profile.FieldUsername, profile.FieldDisplayName).
		All(viewer.AsSystem(ctx, "a card is shown to whoever may read what its person wrote"))
	if err != nil {
		return nil, fmt.Errorf("read cards: %w", err)
	}
	cards := make([]*ProfileCard, len(rows))
	byID := make(map[uuid.UUID]*ProfileCard, len(rows))
	for i, row := range rows {
		cards[i] = &ProfileCard{Row: row.ID, Username: row.Username, DisplayName: row.DisplayName}
		byID[row.ID] = cards[i]
	}
	sibling.Join(cards)
	return byID, nil
}

// OfCard is the whole profile behind a card; nil if the viewer may not see it. The cards that were read
// together ask once.
func (s *Service) OfCard(ctx context.Context, card *ProfileCard) (*ent.Profile, error) {
	// A card may be kept and shown to others: each viewer has an answer of their own.
	name := "profile for " + viewer.From(ctx).Account().String()
	return sibling.Load(ctx, card, name, func(c *ProfileCard) uuid.UUID { return c.Row }, s.ByIDs)
}

// Siblings are the cards that the same query returned; nil if there was none.
func (c *ProfileCard) Siblings() *sibling.Group { return c.siblings }

// SetSiblings remembers the cards that the same query returned.
func (c *ProfileCard) SetSiblings(g *sibling.Group) { c.siblings = g }
