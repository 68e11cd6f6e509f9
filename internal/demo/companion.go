package demo

import (
	"context"
	"hash/fnv"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/messaging"
)

// thinking is how long the companion takes, so that one sees the answer arrive.
const thinking = 900 * time.Millisecond

// Answerer is the companion.
type Answerer struct {
	Messaging *messaging.Service
	// Self is the companion's account.
	Self uuid.UUID
	Log  *slog.Logger
}

// Answer answers a message, if it went to the companion. The node that took the message answers it, once,
// whatever happens: the answer's key is made of the message.
func (a Answerer) Answer(ctx context.Context, m *ent.Message) {
	if m.AuthorID == nil || *m.AuthorID == a.Self || m.Body == nil {
		return
	}
	mine, err := a.Messaging.Conversation(as(ctx, a.Self), m.ConversationID)
	if err != nil || mine == nil {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(thinking):
	}
	to, key := relay.NewID(ent.ConversationPrefix, m.ConversationID), "answer-"+m.ID.String()
	_, err = a.Messaging.Send(as(ctx, a.Self), messaging.SendMessageInput{ConversationID: &to, Body: reply(*m.Body), IdempotencyKey: &key})
	if err != nil && ctx.Err() == nil {
		a.Log.Debug("The companion could not answer", "error", err)
	}
	through := int(m.Seq)
	_, _ = a.Messaging.MarkRead(as(ctx, a.Self), messaging.MarkConversationReadInput{ConversationID: to, ThroughSeq: &through})
}

// reply finds something to say. The same message gets the same answer.
func reply(to string) string {
	text := strings.ToLower(to)
	for _, known := range []struct{ word, answer string }{
		{"lunch", "Lunch! Thursday at a quarter past twelve? I know a place with terrible chairs and wonderful soup."},
		{"golf", "I once lost seven balls on one hole. It was the car park."},
		{"study", "I am in if there are biscuits. Which chapter?"},
		{"hello", "Hello! Nice to meet you. I am fictional, by the way."},
		{"hi", "Hi! Ask me about lunch, golf or studying."},
		{"who", "I am Robin, the demo's companion. I answer so that even one tab is alive."},
		{"?", "Good question. Let me sleep on it."},
	} {
		if containsWord(text, known.word) {
			return known.answer
		}
	}
	answers := []string{
		"Tell me more!",
		"That is exactly what I wanted to hear today.",
		"Noted. Shall we talk about it over lunch?",
		"You should open a second tab as somebody else and tell them that.",
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return answers[h.Sum32()%uint32(len(answers))]
}

func containsWord(text, word string) bool {
	if word == "?" {
		return strings.Contains(text, word)
	}
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' }) {
		if w == word {
			return true
		}
	}
	return false
}
