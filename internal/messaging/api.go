package messaging

import (
	"io"
	"strconv"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
)

// The types of the slice's API. Each has the name and the meaning of its GraphQL type in
// graph/messaging.graphqls, which gqlgen binds by that name.

// ConversationConnection is a page of conversations.
type ConversationConnection = relay.Connection[*ent.Conversation]

// ConversationEdge is a conversation in a page.
type ConversationEdge = relay.Edge[*ent.Conversation]

// MessageConnection is a page of messages.
type MessageConnection = relay.Connection[*ent.Message]

// MessageEdge is a message in a page.
type MessageEdge = relay.Edge[*ent.Message]

// MessageOrder is in which direction messages are read.
type MessageOrder string

// The directions there are.
const (
	NewestFirst MessageOrder = "NEWEST_FIRST"
	OldestFirst MessageOrder = "OLDEST_FIRST"
)

// UnmarshalGQL reads a direction to the letter: the validator takes other cases too.
func (o *MessageOrder) UnmarshalGQL(v any) error {
	switch order, _ := v.(string); MessageOrder(order) {
	case NewestFirst, OldestFirst:
		*o = MessageOrder(order)
		return nil
	default:
		return fault.BadRequest(nil, "The order is NEWEST_FIRST or OLDEST_FIRST.")
	}
}

// MarshalGQL writes a direction.
func (o MessageOrder) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(o))) }

// DirectConversationView is a chat with one other person, saved or not.
type DirectConversationView struct {
	Conversation *ent.Conversation
	Viewer       *profile.ProfileCard
	OtherMember  *profile.ProfileCard
}

// A ConversationUpdate is one change of a conversation.
type ConversationUpdate interface{ IsConversationUpdate() }

// MessageSent tells of a new message.
type MessageSent struct {
	Cursor  string
	Message *ent.Message
}

// MessageEdited tells of a message whose text has changed.
type MessageEdited struct {
	Cursor  string
	Message *ent.Message
}

// MessageDeleted tells of a message whose text has been taken away.
type MessageDeleted struct {
	Cursor  string
	Message *ent.Message
}

// Typing tells that a member is writing something.
type Typing struct {
	Profile *profile.ProfileCard
	Until   time.Time
}

// PresenceChanged tells that a member is online now, or no longer.
type PresenceChanged struct {
	Profile  *profile.ProfileCard
	IsOnline bool
}

// The members of the union, besides those of every subscription.
func (*MessageSent) IsConversationUpdate()    {}
func (*MessageEdited) IsConversationUpdate()  {}
func (*MessageDeleted) IsConversationUpdate() {}

// IsConversationUpdate marks the GraphQL union, like those above, but these have no cursor.
func (*Typing) IsConversationUpdate() {}

// IsConversationUpdate marks the GraphQL union.
func (*PresenceChanged) IsConversationUpdate() {}

// ConversationChanged tells that something about a conversation is another than before for the viewer.
type ConversationChanged struct {
	Cursor       string
	Conversation *ent.Conversation
}

// IsUpdate marks the GraphQL union.
func (*ConversationChanged) IsUpdate() {}

// SendMessageInput is the input of sendMessage.
type SendMessageInput struct {
	ConversationID *relay.ID
	RecipientID    *relay.ID
	Body           string
	ReplyToID      *relay.ID
	IdempotencyKey *string
}

// SendMessagePayload is the answer of sendMessage.
type SendMessagePayload struct {
	Message    *ent.Message
	UserErrors []*MessagingUserError
}

// EditMessageInput is the input of editMessage.
type EditMessageInput struct {
	MessageID       relay.ID
	Body            string
	ExpectedVersion *int
}

// EditMessagePayload is the answer of editMessage.
type EditMessagePayload struct {
	Message    *ent.Message
	UserErrors []*MessagingUserError
}

// DeleteMessageInput is the input of deleteMessage.
type DeleteMessageInput struct {
	MessageID relay.ID
}

// DeleteMessagePayload is the answer of deleteMessage.
type DeleteMessagePayload struct {
	Message    *ent.Message
	UserErrors []*MessagingUserError
}

// MarkConversationReadInput is the input of markConversationRead.
type MarkConversationReadInput struct {
	ConversationID relay.ID
	ThroughSeq     *int
}

// MarkConversationReadPayload is the answer of markConversationRead.
type MarkConversationReadPayload struct {
	Conversation *ent.Conversation
	UserErrors   []*MessagingUserError
}

// VisitConversationInput is the input of visitConversation.
type VisitConversationInput struct {
	ConversationID relay.ID
}

// VisitConversationPayload is the answer of visitConversation.
type VisitConversationPayload struct {
	Conversation *ent.Conversation
	UserErrors   []*MessagingUserError
}

// StartTypingInput is the input of startTyping.
type StartTypingInput struct {
	ConversationID relay.ID
}

// StartTypingPayload is the answer of startTyping.
type StartTypingPayload struct {
	Until      *time.Time
	UserErrors []*MessagingUserError
}
