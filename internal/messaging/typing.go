package messaging

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	// typingEvery is how often somebody is said to be typing in a conversation, however often they say so.
	typingEvery = 3 * time.Second
	// typingLasts is how long that counts.
	typingLasts = 5 * time.Second
)

// The signals of a conversation's stream, by the names of their GraphQL types.
const (
	signalTyping   = "Typing"
	signalPresence = "PresenceChanged"
)

// A signal is what a conversation's signals carry.
type signal struct {
	Profile  *profile.ProfileCard `json:"profile"`
	Until    time.Time            `json:"until,omitzero"`
	IsOnline bool                 `json:"isOnline,omitempty"`
}

// decodeSignal turns a signal into what the subscription delivers.
func decodeSignal(sig live.Signal) (ConversationUpdate, error) {
	var what signal
	if err := json.Unmarshal(sig.Data, &what); err != nil {
		return nil, fmt.Errorf("read a signal: %w", err)
	}
	switch sig.Name {
	case signalTyping:
		return &Typing{Profile: what.Profile, Until: what.Until}, nil
	case signalPresence:
		return &PresenceChanged{Profile: what.Profile, IsOnline: what.IsOnline}, nil
	default:
		return nil, fmt.Errorf("read a signal: unknown name %q", sig.Name)
	}
}

// StartTyping tells the other members that the viewer is writing something, and answers until when that counts. It is
// refused where sending is. Saying it again too soon tells nobody.
func (s *Service) StartTyping(ctx context.Context, in StartTypingInput) (*time.Time, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	id, err := in.ConversationID.Row(ent.ConversationPrefix, "input", "conversationId")
	if err != nil {
		return nil, err
	}
	card, parted, err := s.mayType(ctx, me, id)
	if err != nil {
		return nil, err
	}
	until := s.now().Add(typingLasts)
	data, err := json.Marshal(signal{Profile: card, Until: until})
	if err != nil {
		return nil, fmt.Errorf("write a signal: %w", err)
	}
	s.hub.Signal(streamOf(id), live.Signal{Name: signalTyping, Author: me, Except: parted, Every: typingEvery, Data: data})
	return &until, nil
}

// Whether somebody is in a conversation, and the other members with whom a block stands, whoever made it: the words
// of append_messages. It takes no lock, for nothing is kept.
const typingSQL = `
SELECT c.kind, p.username, p.display_name, ` + partedSQL + `, c.kind <> 'DIRECT' OR EXISTS (
	SELECT 1 FROM conversation_members o JOIN profiles op ON op.id = o.account_id AND op.hidden_at IS NULL
	WHERE o.conversation_id = me.conversation_id AND o.account_id <> me.account_id)
FROM conversation_members me
JOIN conversations c ON c.id = me.conversation_id
JOIN profiles p ON p.id = me.account_id AND p.hidden_at IS NULL
WHERE me.conversation_id = $1 AND me.account_id = $2`

// partedSQL finds those of me's conversation between whom and me a block stands.
const partedSQL = `(SELECT coalesce(json_agg(parted.id), '[]') FROM (
	SELECT b.blocked_id FROM blocks b
	JOIN conversation_members o ON o.account_id = b.blocked_id AND o.conversation_id = me.conversation_id
	WHERE b.blocker_id = me.account_id
	UNION
	SELECT b.blocker_id FROM blocks b
	JOIN conversation_members o ON o.account_id = b.blocker_id AND o.conversation_id = me.conversation_id
	WHERE b.blocked_id = me.account_id) parted (id))`

// mayType refuses who may not write in a conversation, or answers their card and who is not to know.
func (s *Service) mayType(ctx context.Context, me, id uuid.UUID) (*profile.ProfileCard, []uuid.UUID, error) {
	card := &profile.ProfileCard{Row: me}
	var kind string
	var ids []byte
	var isThere bool
	err := s.db.SQL.QueryRowContext(ctx, typingSQL, id, me).Scan(&kind, &card.Username, &card.DisplayName, &ids, &isThere)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil, refuse(CodeNotFound, "There is no such conversation of yours.", "input", "conversationId")
	case err != nil:
		return nil, nil, fmt.Errorf("look whether somebody may type: %w", err)
	}
	var parted []uuid.UUID
	if err := json.Unmarshal(ids, &parted); err != nil {
		return nil, nil, fmt.Errorf("look whether somebody may type: %w", err)
	}
	if kind == conversation.KindDIRECT.String() && len(parted) > 0 || !isThere {
		return nil, nil, cannotMessage(false)
	}
	return card, parted, nil
}
