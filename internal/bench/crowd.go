package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// A person has registered, and keeps an access token.
type person struct {
	id    uuid.UUID
	token string
}

// as is the context of a request by the person.
func (p person) as(ctx context.Context) context.Context {
	return viewer.With(ctx, viewer.OfPerson(p.id, uuid.Nil))
}

// neighbours is how many people all know each other: each has a direct conversation with each other one,
// which makes 20 for everybody and 210 in all.
const neighbours = 21

// people are so many of the crowd, who register when they are first asked for.
func (h *house) people(ctx context.Context, n *node, count int) ([]person, error) {
	for len(h.crowd) < count {
		name := fmt.Sprintf("bench%d", len(h.crowd))
		in, err := n.accounts.Register(ctx, account.RegisterInput{
			Username: name, Email: name + "@bench.invalid", Password: "nothing depends on it",
		})
		if err != nil {
			return nil, fmt.Errorf("register %s: %w", name, err)
		}
		h.crowd = append(h.crowd, person{in.Viewer.Account(), *in.Tokens.AccessToken})
	}
	return h.crowd[:count], nil
}

// A pair is two people with a direct conversation.
type pair struct {
	between      [2]person
	conversation relay.ID
}

// pairs gives every two of the people a direct conversation, with a few messages to and fro.
func pairs(ctx context.Context, n *node, people []person, messages int) ([]pair, error) {
	var all []pair
	for i, p := range people {
		for _, other := range people[:i] {
			all = append(all, pair{between: [2]person{p, other}})
		}
	}
	var work errgroup.Group
	work.SetLimit(32)
	for i := range all {
		p := &all[i]
		work.Go(func() error {
			for k := range messages {
				from, to := p.between[k%2], relay.NewID(ent.ProfilePrefix, p.between[1-k%2].id)
				m, err := n.messaging.Send(from.as(ctx), messaging.SendMessageInput{
					RecipientID: &to, Body: fmt.Sprintf("Message %d: shall we meet for lunch at a quarter past twelve?", k),
				})
				if err != nil {
					return fmt.Errorf("begin a conversation: %w", err)
				}
				p.conversation = relay.NewID(ent.ConversationPrefix, m.ConversationID)
			}
			return nil
		})
	}
	return all, work.Wait()
}
