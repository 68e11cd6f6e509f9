package messaging

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/viewer"
)

// Updates is every change of a conversation behind a cursor, or from now on, for a member, or for the
// conversation's audience as one. Of the updates without a cursor it gives those that are asked for, by the names
// of their types: who does not know them can not tell that they have none.
func (s *Service) Updates(ctx context.Context, conversationID relay.ID, after *string, asked ...string) (<-chan ConversationUpdate, error) {
	id, err := conversationID.Row(ent.ConversationPrefix, "conversationId")
	if err != nil {
		return nil, err
	}
	wish := live.Wish[ConversationUpdate]{Key: streamOf(id)}
	v := viewer.From(ctx)
	if v.Kind() == viewer.Audience && v.Conversation() == id {
		wish.Decode = func(item live.Item) (ConversationUpdate, error) {
			u, _, err := decode(id, item)
			return u, err
		}
		return live.Subscribe(ctx, s.hub, wish)
	}
	wish.Account, err = viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if after != nil {
		cursor, err := s.hub.ParseCursor(wish.Key, *after)
		if err != nil {
			return nil, err
		}
		wish.After = &cursor
	}
	sight, isMember, err := s.sights.Get(ctx, membership{wish.Account, id})
	if err != nil {
		return nil, err
	}
	if !isMember {
		return nil, &fault.Error{
			Code: fault.CodeForbidden, Message: "There is no such conversation of yours.", Argument: []string{"conversationId"},
		}
	}
	sight.curtains = slices.Clone(sight.curtains) // another tab of the same person may have been told the same
	wish.From, wish.Judged, wish.Sees, wish.Apart = sight.joined, sight.head+1, sight.sees, sight.isApart
	isFed := live.IsFed(ctx) // then this sight does not follow what becomes of curtains
	wish.Decode = func(item live.Item) (ConversationUpdate, error) {
		u, message, err := decode(id, item)
		if err == nil && message != nil && (isFed || sight.isApart(orNil(message.AuthorID))) {
			err = s.veil(ctx, message)
		}
		return u, err
	}
	wish.Ends = sight.ends
	if len(asked) > 0 {
		// What names whom it is for was judged when it was made, and may tell of a curtain that is just being lifted.
		wish.Hears = func(sig live.Signal) bool {
			return slices.Contains(asked, sig.Name) && (len(sig.To) > 0 || !sight.isParted(sig.Author))
		}
	}
	if s.presence != nil && slices.Contains(asked, signalPresence) {
		wish.Attached = func() { s.newcomers.add(place{id, wish.Account}) }
	}
	return live.Subscribe(ctx, s.hub, wish)
}

// decode turns an item of the stream into what the subscription delivers, and answers the message in it.
func decode(conversation uuid.UUID, item live.Item) (ConversationUpdate, *ent.Message, error) {
	cursor := item.Cursor.String()
	switch item.Kind {
	case live.Moved:
		return &relay.CursorMoved{Cursor: cursor}, nil, nil
	case live.Resync:
		return &relay.ResyncRequired{Reason: relay.ResyncReason(item.Reason), Cursor: cursor}, nil, nil
	case live.Signalled:
		u, err := decodeSignal(item.Signal)
		return u, nil, err
	case live.Updated:
	}
	var e entry
	if err := json.Unmarshal(item.Update.Data, &e); err != nil {
		return nil, nil, fmt.Errorf("read a stream's entry: %w", err)
	}
	if e.Message == nil {
		return nil, nil, fmt.Errorf("read a stream's entry: %s has no message", e.Kind)
	}
	m := e.message(conversation)
	switch e.Kind {
	case kindSent:
		return &MessageSent{Cursor: cursor, Message: m}, m, nil
	case conversationentry.KindEDITED.String():
		return &MessageEdited{Cursor: cursor, Message: m}, m, nil
	case conversationentry.KindDELETED.String():
		return &MessageDeleted{Cursor: cursor, Message: m}, m, nil
	default:
		// A newer node wrote it, whose clients alone know what it is: nobody's subscription ends by it.
		return &relay.CursorMoved{Cursor: cursor}, nil, nil
	}
}
