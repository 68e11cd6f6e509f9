package messaging

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/sibling"
	"github.com/convenehq/convene/internal/viewer"
)

// A view is a conversation as its viewer sees it: what an inbox shows of it.
type view struct {
	last        *ent.Message
	unread      int
	others      []*profile.ProfileCard
	lastReadSeq int64
	lastVisitAt *time.Time
}

// viewOthers is how many other members come with a view; otherMembers beyond it costs a statement more.
const viewOthers = 5

// viewSQL calls the function of migration 0003, which says how it is read and why it is one statement.
const viewSQL = "SELECT * FROM conversation_views($1, $2, $3, $4, $5, $6)"

// A placed conversation is one with its place in the inbox.
type placed struct {
	*ent.Conversation
	at *time.Time
}

// A selection is which conversations are to be viewed: those with the ids, or a page of the inbox.
type selection struct {
	ids    []uuid.UUID
	most   int
	before *relay.Key
}

// views reads conversations with all that the viewer sees of them, in one statement, with so many other
// members each.
func (s *Service) views(ctx context.Context, others int, which selection) ([]placed, map[uuid.UUID]*view, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, nil, err
	}
	args := []any{me, others, nil, which.most, nil, nil}
	if which.ids != nil {
		args[2] = which.ids
	}
	if which.before != nil {
		args[4], args[5] = which.before.Time, which.before.ID
	}
	rows, err := s.db.SQL.QueryContext(ctx, viewSQL, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("read conversations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []placed
	var cards []*profile.ProfileCard
	var lasts []*ent.Message
	found := map[uuid.UUID]*view{}
	for rows.Next() {
		c, v, err := scanView(rows)
		if err != nil {
			return nil, nil, fmt.Errorf("read a conversation: %w", err)
		}
		list = append(list, c)
		cards = append(cards, v.others...)
		if v.last != nil {
			lasts = append(lasts, v.last)
		}
		found[c.ID] = v
	}
	// All the people of the page are siblings, not only those of one conversation.
	sibling.Join(cards)
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("read conversations: %w", err)
	}
	_ = rows.Close() // its connection is wanted for the next
	return list, found, s.veil(ctx, lasts...)
}

func scanView(rows *sql.Rows) (placed, *view, error) {
	c, v, last := &ent.Conversation{}, &view{}, &ent.Message{}
	p := placed{Conversation: c}
	var lastID *uuid.UUID
	var lastSeq sql.NullInt64
	var lastCreatedAt sql.NullTime
	var lastVersion sql.NullInt64
	var username, displayName *string
	var kind string
	var cards []byte
	err := rows.Scan(&c.ID, &c.CreatedAt, &kind, &c.Title, &c.Seq, &c.FloorSeq, &c.LastMessageAt,
		&v.lastReadSeq, &v.lastVisitAt, &p.at,
		&lastID, &lastSeq, &last.AuthorID, &last.Body, &last.ReplyToID, &lastCreatedAt, &last.EditedAt, &last.DeletedAt, &lastVersion,
		&username, &displayName, &v.unread, &cards)
	if err != nil {
		return p, nil, err
	}
	c.Kind = conversation.Kind(kind)
	if err := json.Unmarshal(cards, &v.others); err != nil {
		return p, nil, err
	}
	if lastID != nil {
		last.ID, last.ConversationID, last.Seq = *lastID, c.ID, lastSeq.Int64
		last.CreatedAt, last.Version = lastCreatedAt.Time, int(lastVersion.Int64)
		v.last = last
		if username != nil {
			primeAuthor(last, &profile.ProfileCard{Row: *last.AuthorID, Username: *username, DisplayName: *displayName})
		}
	}
	return p, v, nil
}

// viewCards is under which name siblings keep their views.
const viewCards = "view"

// view is the viewer's view of a conversation, read once for all its siblings.
func (s *Service) view(ctx context.Context, c *ent.Conversation) (*view, error) {
	v, err := sibling.Load(ctx, c, viewCards, conversationID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*view, error) {
		_, found, err := s.views(ctx, viewOthers, selection{ids: ids})
		return found, err
	})
	if err == nil && v == nil {
		// The membership ended between two statements.
		v = &view{}
	}
	return v, err
}

func conversationID(c *ent.Conversation) uuid.UUID { return c.ID }

// Inbox is a page of the viewer's conversations, the one with the latest message first, in one statement
// with all that an inbox shows.
func (s *Service) Inbox(ctx context.Context, first int, after *string) (*ConversationConnection, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	page, err := relay.NewPage(first, after)
	if err != nil {
		return nil, err
	}
	list := relay.List{Name: "inbox", Of: me}
	which := selection{most: page.Limit()}
	if page.After != nil {
		key, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		which.before = &key
	}
	rows, views, err := s.views(ctx, viewOthers, which)
	if err != nil {
		return nil, err
	}
	conversations, err := s.joinViews(ctx, rows, views)
	if err != nil {
		return nil, err
	}
	at := make(map[uuid.UUID]time.Time, len(rows))
	for _, row := range rows {
		at[row.ID] = *row.at
	}
	cursor := func(c *ent.Conversation) string {
		return list.Cursor(relay.Key{Time: at[c.ID], ID: c.ID})
	}
	return relay.NewConnection(page, conversations, cursor), nil
}

// joinViews makes conversations that were read with their views siblings, and their last messages and the authors
// of those: what else is asked of them is fetched together.
func (s *Service) joinViews(ctx context.Context, rows []placed, views map[uuid.UUID]*view) ([]*ent.Conversation, error) {
	conversations := make([]*ent.Conversation, len(rows))
	lasts := make([]*ent.Message, 0, len(rows))
	cards := map[uuid.UUID]*profile.ProfileCard{}
	for i, row := range rows {
		conversations[i] = row.Conversation
		if last := views[row.ID].last; last != nil {
			card, err := s.Author(ctx, last) // primed
			if err != nil {
				return nil, err
			}
			if card != nil {
				cards[card.Row] = card
			}
			lasts = append(lasts, last)
		}
	}
	sibling.Join(slices.Collect(maps.Values(cards)))
	if sibling.Join(lasts); len(lasts) > 0 {
		sibling.Prime(lasts[0], authorCards, cards)
	}
	if sibling.Join(conversations); len(conversations) > 0 {
		sibling.Prime(conversations[0], viewCards, views)
	}
	return conversations, nil
}
