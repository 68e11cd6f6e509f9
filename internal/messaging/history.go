package messaging

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/message"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/sibling"
)

// Messages is a page of the messages of a conversation that the viewer may see. Its cursors are numbers
// of messages, so that a page is exact whatever is sent meanwhile.
func (s *Service) Messages(
	ctx context.Context, c *ent.Conversation, first int, after *string, order MessageOrder,
) (*MessageConnection, error) {
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "messages/" + string(order), Of: c.ID}
	q := s.db.Ent.Message.Query().Where(message.ConversationID(c.ID)).Limit(page.Limit())
	var from relay.Key
	if page.After != nil {
		if from, err = list.Key(*page.After); err != nil {
			return nil, err
		}
	}
	if order == OldestFirst {
		q.Where(message.SeqGT(from.Number)).Order(message.BySeq())
	} else {
		q.Order(message.BySeq(sql.OrderDesc()))
		if page.After != nil {
			q.Where(message.SeqLT(from.Number))
		}
	}
	rows, err := q.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	if err := s.veil(ctx, rows...); err != nil {
		return nil, err
	}
	cursor := func(m *ent.Message) string { return list.Cursor(relay.Key{Number: m.Seq}) }
	return relay.NewConnection(page, rows, cursor), nil
}

// ByIDs are the messages with these ids that the viewer may see.
func (s *Service) ByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.Message, error) {
	rows, err := s.db.Ent.Message.Query().Where(message.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	if err := s.veil(ctx, rows...); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*ent.Message, len(rows))
	for _, m := range rows {
		found[m.ID] = m
	}
	return found, nil
}

// authorCards is under which name siblings keep the cards of their authors.
const authorCards = "author"

// Author is who wrote a message, for whoever may read it; nil once they have been erased.
func (s *Service) Author(ctx context.Context, m *ent.Message) (*profile.ProfileCard, error) {
	return sibling.Load(ctx, m, authorCards, func(m *ent.Message) uuid.UUID { return orNil(m.AuthorID) }, s.profiles.Cards)
}

// ReplyTo is the message that a message answers, if the viewer may see it.
func (s *Service) ReplyTo(ctx context.Context, m *ent.Message) (*ent.Message, error) {
	if m.ReplyToID == nil {
		return nil, nil
	}
	return sibling.Load(ctx, m, "replyTo", func(m *ent.Message) uuid.UUID { return orNil(m.ReplyToID) }, s.ByIDs)
}

func orNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
