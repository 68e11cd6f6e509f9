package messaging

import "github.com/convenehq/convene/internal/fact"

// The kinds of fact that the slice stores, and what happens in bursts.
const (
	factOpened  = "conversation.opened"
	factEdited  = "message.edited"
	factDeleted = "message.deleted"

	burstSent    = "message.sent"
	burstRead    = "conversation.read"
	burstVisited = "conversation.visited"
)

// What a fact is about besides its conversation: the message, and the change's entry in the stream, whose number tells
// for whom it lies behind a curtain.
const (
	refMessage = "message"
	refEntry   = "entry"
)

// Facts are the slice's part of the catalogue.
var Facts = []fact.Kind{
	{
		Name: factOpened, Subject: "conversation", By: []string{"sendMessage"},
		Says: "A conversation has been made: by the first message between two people, or for a circle.",
	},
	{
		Name: factEdited, Subject: "conversation", Refs: []string{refMessage, refEntry}, By: []string{"editMessage"},
		Says: "The text of a message has changed.",
	},
	{
		Name: factDeleted, Subject: "conversation", Refs: []string{refMessage, refEntry}, By: []string{"deleteMessage"},
		Says: "The text of a message has been taken away.",
	},
	{
		Name: burstSent, Subject: "conversation", By: []string{"sendMessage"}, IsBurst: true,
		Says: "Messages have been sent, with these numbers. The messages themselves are the facts.",
	},
	{
		Name: burstRead, Subject: "conversation", By: []string{"markConversationRead"}, IsBurst: true,
		Says: "A member has read up to this number. No fact: it concerns that member alone.",
	},
	{
		Name: burstVisited, Subject: "conversation", By: []string{"visitConversation"}, IsBurst: true,
		Says: "A member has looked at it, at this time in microseconds. No fact: it concerns that member alone.",
	},
}
