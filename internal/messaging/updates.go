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
	"github.com/convenehq/convene/internal/db"
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
	wish := live.Wish[ConversationUpdate]{
		Key:    streamOf(id),
		Decode: func(item live.Item) (ConversationUpdate, error) { return decode(id, item) },
	}
	v := viewer.From(ctx)
	if v.Kind() == viewer.Audience && v.Conversation() == id {
		return live.Subscribe(ctx, s.hub, wish)
	}
	wish.Account, err = viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if after != nil {
		cursor, err := live.ParseCursor(wish.Key, *after)
		if err != nil {
			return nil, err
		}
		wish.After = &cursor
	}
	sight, err := s.sight(ctx, wish.Account, id)
	if db.IsNotFound(err) {
		return nil, &fault.Error{
			Code: fault.CodeForbidden, Message: "There is no such conversation of yours.", Argument: []string{"conversationId"},
		}
	}
	if err != nil {
		return nil, err
	}
	wish.From, wish.Judged, wish.Sees = sight.joined, sight.head+1, sight.sees
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

// A sight is what a member sees of a conversation's stream. It follows the hidden entries, which come in
// order with the rest: what is said behind a curtain can't overtake the drawing of it.
type sight struct {
	me       uuid.UUID
	head     int64 // of the stream, when the curtains were read
	joined   int64
	curtains []curtain
}

type curtain struct {
	other       uuid.UUID
	from, until int64 // until is 0 while it hangs
}

func (s *Service) sight(ctx context.Context, me, conversation uuid.UUID) (*sight, error) {
	rows, err := s.db.SQL.QueryContext(ctx, `
SELECT c.seq, me.joined_seq, CASE WHEN x.lower_id = $1 THEN x.upper_id ELSE x.lower_id END, x.from_seq, coalesce(x.until_seq, 0)
FROM conversation_members me
JOIN conversations c ON c.id = me.conversation_id
LEFT JOIN curtains x ON x.conversation_id = me.conversation_id AND $1 IN (x.lower_id, x.upper_id)
WHERE me.conversation_id = $2 AND me.account_id = $1
ORDER BY x.from_seq`, me, conversation)
	if err != nil {
		return nil, fmt.Errorf("read what a member sees: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var v *sight
	for rows.Next() {
		if v == nil {
			v = &sight{me: me}
		}
		var other *uuid.UUID
		var from *int64
		var until int64
		if err := rows.Scan(&v.head, &v.joined, &other, &from, &until); err != nil {
			return nil, fmt.Errorf("read what a member sees: %w", err)
		}
		if from != nil {
			v.curtains = append(v.curtains, curtain{other: *other, from: *from, until: until})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what a member sees: %w", err)
	}
	if v == nil {
		return nil, db.ErrNoRows
	}
	return v, nil
}

// sees judges an update, in order, and follows the curtains.
func (v *sight) sees(u live.Update) bool {
	if u.Hidden {
		v.follow(u)
		return false
	}
	// Neither a message that is not to be seen nor what becomes of it.
	if u.Seq <= v.joined || u.SubjectSeq <= v.joined {
		return false
	}
	for _, c := range v.curtains {
		if c.other == u.Author && (c.hides(u.Seq) || c.hides(u.SubjectSeq)) {
			return false
		}
	}
	return true
}

// isParted tells whether a curtain hangs now between the member and somebody.
func (v *sight) isParted(other uuid.UUID) bool {
	return slices.ContainsFunc(v.curtains, func(c curtain) bool { return c.other == other && c.until == 0 })
}

func (c curtain) hides(seq int64) bool {
	return c.from < seq && (c.until == 0 || seq < c.until)
}

// ends tells of a hidden entry whether it is the member's own leaving, behind which nothing is theirs to see.
func (v *sight) ends(u live.Update) error {
	var e entry
	isRead := json.Unmarshal(u.Data, &e) == nil
	if isRead && u.Seq > v.joined && e.Kind == conversationentry.KindMEMBER_LEFT.String() && e.Member == v.me {
		return &fault.Error{
			Code: fault.CodeForbidden, Message: "You are no longer in this conversation.", Argument: []string{"conversationId"},
		}
	}
	return nil
}

func (v *sight) follow(u live.Update) {
	var e entry
	if json.Unmarshal(u.Data, &e) != nil {
		return
	}
	switch e.Kind {
	case conversationentry.KindMEMBER_LEFT.String():
		v.lift(e.Member, u.Seq)
		return
	case conversationentry.KindCURTAIN_DRAWN.String(), conversationentry.KindCURTAIN_LIFTED.String():
	default:
		return // of somebody who joined, or what a newer node knows
	}
	other := e.Lower
	switch v.me {
	case e.Lower:
		other = e.Upper
	case e.Upper:
	default:
		return
	}
	if e.Kind == conversationentry.KindCURTAIN_LIFTED.String() {
		v.lift(other, u.Seq)
		return
	}
	for _, c := range v.curtains {
		if c.other == other && c.from == u.Seq {
			return // it was there when the sight was read
		}
	}
	v.curtains = append(v.curtains, curtain{other: other, from: u.Seq})
}

// lift ends the curtain that hangs between the member and another one. Not one that was drawn after: a replay
// passes the ends of older ones.
func (v *sight) lift(other uuid.UUID, seq int64) {
	for i, c := range v.curtains {
		if c.other == other && c.until == 0 && c.from < seq {
			v.curtains[i].until = seq
		}
	}
}

// decode turns an item of the stream into what the subscription delivers.
func decode(conversation uuid.UUID, item live.Item) (ConversationUpdate, error) {
	cursor := item.Cursor.String()
	switch item.Kind {
	case live.Moved:
		return &relay.CursorMoved{Cursor: cursor}, nil
	case live.Resync:
		return &relay.ResyncRequired{Reason: relay.ResyncReason(item.Reason), Cursor: cursor}, nil
	case live.Signalled:
		return decodeSignal(item.Signal)
	case live.Updated:
	}
	var e entry
	if err := json.Unmarshal(item.Update.Data, &e); err != nil {
		return nil, fmt.Errorf("read a stream's entry: %w", err)
	}
	if e.Message == nil {
		return nil, fmt.Errorf("read a stream's entry: %s has no message", e.Kind)
	}
	m := e.message(conversation)
	switch e.Kind {
	case kindSent:
		return &MessageSent{Cursor: cursor, Message: m}, nil
	case conversationentry.KindEDITED.String():
		return &MessageEdited{Cursor: cursor, Message: m}, nil
	case conversationentry.KindDELETED.String():
		return &MessageDeleted{Cursor: cursor, Message: m}, nil
	default:
		return nil, fmt.Errorf("read a stream's entry: unknown kind %q", e.Kind)
	}
}
