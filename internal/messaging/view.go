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

// The statement of views. One statement for any number of conversations, and each of its parts reads an
// index from the right end: as several statements it takes four times as long.
//
// It walks past ent's policies, so it says again what ent/visible says: membership, joining, curtains.
// A property test holds the two together.
const (
	// page has to be materialized with its LIMIT inside, or the parts below are computed for every
	// conversation there is.
	viewPage = `
WITH page AS MATERIALIZED (
	SELECT c.id, c.created_at, c.kind, c.title, c.seq, c.floor_seq, c.last_message_at,
		me.joined_seq, me.last_read_seq, me.last_visit_at, placed.at
	FROM conversation_members me
	JOIN conversations c ON c.id = me.conversation_id
	CROSS JOIN LATERAL (SELECT CASE
		WHEN me.joined_seq = 0 AND NOT EXISTS (
			SELECT 1 FROM curtains x WHERE x.conversation_id = c.id AND $1 IN (x.lower_id, x.upper_id))
		THEN c.last_message_at
		ELSE (SELECT m.created_at FROM messages m
			WHERE m.conversation_id = c.id AND m.seq > me.joined_seq AND ` + notBehindCurtain + `
			ORDER BY m.seq DESC LIMIT 1)
		END AS at) placed
	WHERE me.account_id = $1`
	viewParts = `
)
SELECT page.id, page.created_at, page.kind, page.title, page.seq, page.floor_seq, page.last_message_at,
	page.last_read_seq, page.last_visit_at, page.at,
	last.id, last.seq, last.author_id, last.body, last.reply_to_id, last.created_at, last.edited_at, last.deleted_at, last.version,
	last.username, last.display_name,
	unread.n, coalesce(others.cards, '[]')
FROM page
LEFT JOIN LATERAL (
	SELECT m.*, a.username, a.display_name
	FROM messages m LEFT JOIN profiles a ON a.id = m.author_id
	WHERE m.conversation_id = page.id AND m.seq > page.joined_seq AND ` + notBehindCurtain + `
	ORDER BY m.seq DESC LIMIT 1
) last ON true
CROSS JOIN LATERAL (
	-- At most 300 rows are looked at; 100 means at least 100, or too many to count.
	SELECT CASE WHEN count(*) = 300 THEN 100 ELSE least(count(*) FILTER (WHERE m.counts), 100) END AS n
	FROM (
		SELECT m.author_id IS DISTINCT FROM $1 AND m.deleted_at IS NULL AND ` + notBehindCurtain + ` AS counts
		FROM messages m
		WHERE m.conversation_id = page.id AND m.seq > greatest(page.last_read_seq, page.joined_seq)
		ORDER BY m.seq LIMIT 300
	) m
) unread
CROSS JOIN LATERAL (
	SELECT json_agg(json_build_object('id', o.id, 'username', o.username, 'displayName', o.display_name) ORDER BY o.created_at, o.id) AS cards
	FROM (
		SELECT p.id, p.username, p.display_name, om.created_at
		FROM conversation_members om JOIN profiles p ON p.id = om.account_id
		WHERE om.conversation_id = page.id AND om.account_id <> $1
			AND (page.kind = 'DIRECT' OR NOT EXISTS (
				SELECT 1 FROM blocks b WHERE (b.blocker_id = $1 AND b.blocked_id = p.id) OR (b.blocked_id = $1 AND b.blocker_id = p.id)))
		ORDER BY om.created_at, om.id LIMIT $2
	) o
) others`
	// notBehindCurtain is the same rule as in ent/visible, for a message m and the viewer $1.
	notBehindCurtain = `NOT EXISTS (
				SELECT 1 FROM curtains x
				WHERE x.conversation_id = m.conversation_id
					AND ((x.lower_id = $1 AND x.upper_id = m.author_id) OR (x.upper_id = $1 AND x.lower_id = m.author_id))
					AND x.from_seq < m.seq AND (x.until_seq IS NULL OR x.until_seq > m.seq))`
)

// A placed conversation is one with its place in the inbox.
type placed struct {
	*ent.Conversation
	at *time.Time
}

// views reads conversations with all that the viewer sees of them, in one statement: where continues the
// page's WHERE, and its parameters begin at $3.
func (s *Service) views(ctx context.Context, others int, where string, args ...any) ([]placed, map[uuid.UUID]*view, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, nil, err
	}
	rows, err := s.db.SQL.QueryContext(ctx, viewPage+where+viewParts+viewOrder(where), append([]any{me, others}, args...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("read conversations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []placed
	var cards []*profile.ProfileCard
	found := map[uuid.UUID]*view{}
	for rows.Next() {
		c, v, err := scanView(rows)
		if err != nil {
			return nil, nil, fmt.Errorf("read a conversation: %w", err)
		}
		list = append(list, c)
		cards = append(cards, v.others...)
		found[c.ID] = v
	}
	// All the people of the page are siblings, not only those of one conversation.
	sibling.Join(cards)
	return list, found, rows.Err()
}

func viewOrder(where string) string {
	if where == inboxWhere || where == inboxAfterWhere {
		return " ORDER BY page.at DESC, page.id DESC"
	}
	return ""
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
		_, found, err := s.views(ctx, viewOthers, " AND c.id = ANY ($3)", ids)
		return found, err
	})
	if err == nil && v == nil {
		// The membership ended between two statements.
		v = &view{}
	}
	return v, err
}

func conversationID(c *ent.Conversation) uuid.UUID { return c.ID }

// cursorOf is where updates of a conversation continue behind what the row shows.
func (s *Service) cursorOf(c *ent.Conversation) string {
	return s.hub.Cursor(streamOf(c.ID), c.Seq).String()
}

// The inbox's page: only conversations with a message that the viewer sees.
const (
	inboxWhere      = ` AND placed.at IS NOT NULL ORDER BY placed.at DESC, c.id DESC LIMIT $3`
	inboxAfterWhere = ` AND (placed.at, c.id) < ($4, $5) ORDER BY placed.at DESC, c.id DESC LIMIT $3`
)

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
	where, args := inboxWhere, []any{page.Limit()}
	if page.After != nil {
		key, err := list.Key(*page.After)
		if err != nil {
			return nil, err
		}
		where, args = inboxAfterWhere, append(args, key.Time, key.ID)
	}
	rows, views, err := s.views(ctx, viewOthers, where, args...)
	if err != nil {
		return nil, err
	}
	at := make(map[uuid.UUID]time.Time, len(rows))
	conversations := make([]*ent.Conversation, len(rows))
	lasts := make([]*ent.Message, 0, len(rows))
	cards := map[uuid.UUID]*profile.ProfileCard{}
	for i, row := range rows {
		conversations[i], at[row.ID] = row.Conversation, *row.at
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
	// The last messages are siblings too, and so are their authors: what else is asked of them is fetched
	// together.
	sibling.Join(slices.Collect(maps.Values(cards)))
	if sibling.Join(lasts); len(lasts) > 0 {
		sibling.Prime(lasts[0], authorCards, cards)
	}
	if sibling.Join(conversations); len(conversations) > 0 {
		sibling.Prime(conversations[0], viewCards, views)
	}
	cursor := func(c *ent.Conversation) string {
		return list.Cursor(relay.Key{Time: at[c.ID], ID: c.ID})
	}
	return relay.NewConnection(page, conversations, cursor), nil
}
