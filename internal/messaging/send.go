package messaging

import (
	"context"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/sibling"
	"github.com/convenehq/convene/internal/viewer"
)

// macPurpose binds the hash of an input to its use.
const macPurpose = "messaging/input"

// Send sends a message to a conversation, or to a person: then the first message makes the conversation.
// It answers once the message is on disk. A retry with the same key answers the same message whatever
// has changed since, a block included.
func (s *Service) Send(ctx context.Context, in SendMessageInput) (*ent.Message, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkKey(in.IdempotencyKey); err != nil {
		return nil, err
	}
	replyTo, err := optionalRow(in.ReplyToID, ent.MessagePrefix, "replyToId")
	if err != nil {
		return nil, err
	}
	target, err := s.target(in)
	if err != nil {
		return nil, err
	}
	if err := checkBody(in.Body); err != nil {
		return nil, err
	}
	conversation := target.row
	if target.isRecipient {
		conversation, err = s.direct(ctx, me, target.row, replyTo == nil)
		if err != nil {
			return nil, err
		}
	}
	parts := [][]byte{conversation[:], []byte(in.Body)}
	if replyTo != nil {
		parts = append(parts, replyTo[:])
	}
	d := draft{
		id: uuid.Must(uuid.NewV7()), conversation: conversation, author: me,
		key: in.IdempotencyKey, mac: s.ring.MAC(macPurpose, parts...), body: in.Body, replyTo: replyTo,
	}
	got, err := s.appender.append(ctx, d)
	for try := 0; err == nil && got.outcome == outcomeRaced && try < 3; try++ {
		// The same key was written by another call at this moment, and is in sight now.
		got, err = s.appender.append(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	message, err := settle(got, func(mac []byte) bool { return s.ring.CheckMAC(macPurpose, mac, parts...) }, target.isRecipient)
	if err != nil {
		return nil, err
	}
	primeAuthor(message, got.author)
	return message, nil
}

// A target is whom a message is for.
type target struct {
	row         uuid.UUID
	isRecipient bool
}

func (s *Service) target(in SendMessageInput) (target, error) {
	switch {
	case (in.ConversationID == nil) == (in.RecipientID == nil):
		return target{}, fault.BadRequest([]string{"input"}, "Name either a conversation or a recipient.")
	case in.ConversationID != nil:
		row, err := in.ConversationID.Row(ent.ConversationPrefix, "input", "conversationId")
		return target{row: row}, err
	default:
		row, err := in.RecipientID.Row(ent.ProfilePrefix, "input", "recipientId")
		return target{row: row, isRecipient: true}, err
	}
}

func checkKey(key *string) error {
	if key != nil && (*key == "" || utf8.RuneCountInString(*key) > 64) {
		return fault.BadRequest([]string{"input", "idempotencyKey"}, "An idempotency key has 1 to 64 characters.")
	}
	return nil
}

func optionalRow(id *relay.ID, prefix, field string) (*uuid.UUID, error) {
	if id == nil {
		return nil, nil
	}
	row, err := id.Row(prefix, "input", field)
	return &row, err
}

// primeAuthor puts an author's card beside the message, so that it need not be asked for.
func primeAuthor(m *ent.Message, card *profile.ProfileCard) {
	if card != nil {
		sibling.Prime(m, authorCards, map[uuid.UUID]*profile.ProfileCard{card.Row: card})
	}
}
