package messaging

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/ent/conversationmember"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/sibling"
	"github.com/convenehq/convene/internal/viewer"
)

// Conversation is the conversation with this id; nil if the viewer is not in it.
func (s *Service) Conversation(ctx context.Context, id uuid.UUID) (*ent.Conversation, error) {
	if viewer.From(ctx).Kind() == viewer.Nobody {
		return nil, nil
	}
	c, err := s.db.Ent.Conversation.Get(ctx, id)
	if db.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the conversation: %w", err)
	}
	return c, nil
}

// With is the viewer and another person as a chat screen shows them, saved or not; nil if the viewer may
// see neither a conversation nor the person.
func (s *Service) With(ctx context.Context, profileID relay.ID) (*DirectConversationView, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	other, err := profileID.Row(ent.ProfilePrefix, "profileId")
	if err != nil || other == me {
		return nil, err
	}
	c, err := s.db.Ent.Conversation.Query().Where(conversation.PairKey(pairKey(me, other))).Only(ctx)
	if err != nil && !db.IsNotFound(err) {
		return nil, fmt.Errorf("read the direct conversation: %w", err)
	}
	if c == nil {
		visible, err := s.profiles.ByIDs(ctx, []uuid.UUID{other})
		if err != nil || visible[other] == nil {
			return nil, err
		}
	}
	cards, err := s.profiles.Cards(ctx, []uuid.UUID{me, other})
	if err != nil {
		return nil, err
	}
	if cards[me] == nil { // hidden by now, while this session is still remembered
		return nil, nil
	}
	return &DirectConversationView{Conversation: c, Viewer: cards[me], OtherMember: cards[other]}, nil
}

// Title is what to call a conversation: its own title, or the names of the other members.
func (s *Service) Title(ctx context.Context, c *ent.Conversation) (string, error) {
	if c.Title != nil {
		return *c.Title, nil
	}
	v, err := s.view(ctx, c)
	if err != nil {
		return "", err
	}
	title := ""
	for i, card := range v.others {
		if i > 0 {
			title += ", "
		}
		title += card.DisplayName
	}
	return title, nil
}

// OtherMembers are the other members' cards, in the order of joining.
func (s *Service) OtherMembers(ctx context.Context, c *ent.Conversation, first int) ([]*profile.ProfileCard, error) {
	if first < 1 || first > 100 {
		return nil, fault.BadRequest([]string{"first"}, "`first` is 1 to 100, not %d.", first)
	}
	if first <= viewOthers {
		v, err := s.view(ctx, c)
		if err != nil {
			return nil, err
		}
		return v.others[:min(first, len(v.others))], nil
	}
	v, err := sibling.Load(ctx, c, "others:"+strconv.Itoa(first), conversationID,
		func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*view, error) {
			_, found, err := s.views(ctx, first, selection{ids: ids})
			return found, err
		})
	if err != nil || v == nil {
		return nil, err
	}
	return v.others, nil
}

// LastMessage is the latest message that the viewer sees; nil if there is none.
func (s *Service) LastMessage(ctx context.Context, c *ent.Conversation) (*ent.Message, error) {
	v, err := s.view(ctx, c)
	if err != nil {
		return nil, err
	}
	return v.last, nil
}

// UnreadCount is how many messages of others lie above the viewer's read position; 100 means at least 100,
// or too many to count.
func (s *Service) UnreadCount(ctx context.Context, c *ent.Conversation) (int, error) {
	v, err := s.view(ctx, c)
	if err != nil {
		return 0, err
	}
	return v.unread, nil
}

// ReadThroughSeq is the viewer's read position.
func (s *Service) ReadThroughSeq(ctx context.Context, c *ent.Conversation) (int, error) {
	v, err := s.view(ctx, c)
	if err != nil {
		return 0, err
	}
	return int(v.lastReadSeq), nil
}

// LastVisitAt is when the viewer last looked at the conversation; nil if never.
func (s *Service) LastVisitAt(ctx context.Context, c *ent.Conversation) (*time.Time, error) {
	v, err := s.view(ctx, c)
	if err != nil {
		return nil, err
	}
	return v.lastVisitAt, nil
}

// Cursor is where the conversation's updates continue behind what the row shows.
func (s *Service) Cursor(c *ent.Conversation) string {
	return s.hub.Cursor(streamOf(c.ID), c.Seq).String()
}

// Shares tells whether the viewer and another person are in a conversation together.
func (s *Service) Shares(ctx context.Context, other uuid.UUID) (bool, error) {
	// The policy shows the members of the viewer's own conversations.
	shares, err := s.db.Ent.ConversationMember.Query().Where(conversationmember.AccountID(other)).Exist(ctx)
	if err != nil {
		return false, fmt.Errorf("look for a shared conversation: %w", err)
	}
	return shares, nil
}

// ConversationsByIDs are those of the conversations with these ids that the viewer is in.
func (s *Service) ConversationsByIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*ent.Conversation, error) {
	rows, err := s.db.Ent.Conversation.Query().Where(conversation.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read conversations: %w", err)
	}
	found := make(map[uuid.UUID]*ent.Conversation, len(rows))
	for _, c := range rows {
		found[c.ID] = c
	}
	return found, nil
}
