package main

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/internal/rehearsal"
)

// A pair is two people with a conversation.
type pair struct {
	conversation string
	tokens       [2]string
	// cursor is where the conversation stood when it was begun.
	cursor string
}

// befriend registers two people and has one write to the other.
func befriend(ctx context.Context, f *rehearsal.Fleet, number int) (pair, error) {
	var p pair
	var profiles [2]string
	for i := range p.tokens {
		name := fmt.Sprintf("drill%d.%d", number, i)
		var answer struct {
			Register struct {
				Viewer  *struct{ Profile struct{ ID string } }
				Session *struct{ AccessToken string }
			}
		}
		_, err := f.Ask(ctx, "", `mutation ($in: RegisterInput!) {
			register(input: $in) { viewer { profile { id } } session { accessToken } }
		}`, map[string]any{"in": map[string]any{
			"username": name, "email": name + "@drill.invalid", "password": "nothing depends on it", "idempotencyKey": name,
		}}, &answer)
		if err != nil || answer.Register.Session == nil || answer.Register.Viewer == nil {
			return p, fmt.Errorf("register %s: %w", name, orRefused(err))
		}
		p.tokens[i], profiles[i] = answer.Register.Session.AccessToken, answer.Register.Viewer.Profile.ID
	}
	var answer struct {
		SendMessage struct {
			Conversation *struct{ ID, Cursor string }
		}
	}
	_, err := f.Ask(ctx, p.tokens[0], `mutation ($in: SendMessageInput!) {
		sendMessage(input: $in) { conversation { id cursor } }
	}`, map[string]any{"in": map[string]any{
		"recipientId": profiles[1], "body": "Shall we?", "idempotencyKey": "begin",
	}}, &answer)
	if err != nil || answer.SendMessage.Conversation == nil {
		return p, fmt.Errorf("begin a conversation: %w", orRefused(err))
	}
	p.conversation, p.cursor = answer.SendMessage.Conversation.ID, answer.SendMessage.Conversation.Cursor
	return p, nil
}

func orRefused(err error) error {
	if err == nil {
		return fmt.Errorf("it was refused")
	}
	return err
}

// send sends a message whose text is its key, and returns its number.
func send(ctx context.Context, f *rehearsal.Fleet, p pair, by int, key string) (seq int64, retried bool, err error) {
	var answer struct {
		SendMessage struct{ Message *struct{ Seq int64 } }
	}
	retried, err = f.Ask(ctx, p.tokens[by], `mutation ($in: SendMessageInput!) { sendMessage(input: $in) { message { seq } } }`,
		map[string]any{"in": map[string]any{"conversationId": p.conversation, "body": key, "idempotencyKey": key}}, &answer)
	if err == nil && answer.SendMessage.Message == nil {
		err = orRefused(nil)
	}
	if err != nil {
		return 0, retried, fmt.Errorf("send %s: %w", key, err)
	}
	return answer.SendMessage.Message.Seq, retried, nil
}

// inbox reads a page of somebody's inbox.
func inbox(ctx context.Context, f *rehearsal.Fleet, token string) error {
	var answer struct {
		Viewer struct {
			Inbox struct{ Nodes []struct{ ID string } }
		}
	}
	_, err := f.Ask(ctx, token, `{ viewer { inbox(first: 10) { nodes { id title unreadCount lastMessage { body } } } } }`, nil, &answer)
	if err == nil && len(answer.Viewer.Inbox.Nodes) == 0 {
		err = fmt.Errorf("the inbox is empty")
	}
	return err
}

// A message is one of a history.
type message struct {
	Seq  int64
	Body string
}

// history reads a whole conversation, the oldest message first.
func history(ctx context.Context, f *rehearsal.Fleet, p pair) ([]message, error) {
	var all []message
	for after := (*string)(nil); ; {
		var answer struct {
			Conversation *struct {
				Messages struct {
					Nodes    []message
					PageInfo struct {
						HasNextPage bool
						EndCursor   *string
					}
				}
			}
		}
		_, err := f.Ask(ctx, p.tokens[0], `query ($id: ID!, $after: String) { conversation(id: $id) {
			messages(first: 100, after: $after, order: OLDEST_FIRST) { nodes { seq body } pageInfo { hasNextPage endCursor } }
		} }`, map[string]any{"id": p.conversation, "after": after}, &answer)
		if err == nil && answer.Conversation == nil {
			err = fmt.Errorf("it is gone")
		}
		if err != nil {
			return nil, fmt.Errorf("read a conversation: %w", err)
		}
		page := answer.Conversation.Messages
		all = append(all, page.Nodes...)
		if !page.PageInfo.HasNextPage {
			return all, nil
		}
		after = page.PageInfo.EndCursor
	}
}
