package demo

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

// Seeder moves the demo people in.
type Seeder struct {
	Accounts  *account.Service
	Messaging *messaging.Service
}

// Seed makes the people and their past, all through the use cases that anybody's client calls. Done
// twice, it changes nothing: every step has an idempotency key or finds what is there.
func (s Seeder) Seed(ctx context.Context) error {
	ids, err := s.people(ctx)
	if err != nil {
		return err
	}
	for n, t := range talks() {
		for i, l := range t.lines {
			other := t.between[0]
			if other == l.from {
				other = t.between[1]
			}
			to, key := relay.NewID(ent.ProfilePrefix, ids[other]), fmt.Sprintf("demo-%d-%d", n, i)
			_, err := s.Messaging.Send(as(ctx, ids[l.from]), messaging.SendMessageInput{
				RecipientID: &to, Body: l.text, IdempotencyKey: &key,
			})
			if err != nil {
				return fmt.Errorf("let %s say what they said: %w", l.from, err)
			}
		}
	}
	return nil
}

// people makes those who are missing and answers everybody's account.
func (s Seeder) people(ctx context.Context) (map[string]uuid.UUID, error) {
	ids, err := s.Find(ctx)
	if err != nil {
		return nil, err
	}
	// Whoever starts the program lets them in, also where nobody else joins without an invite.
	ctx = viewer.AsOperator(ctx)
	var work errgroup.Group
	for _, p := range People() {
		if _, there := ids[p.Username]; there {
			continue
		}
		work.Go(func() error {
			_, err := s.Accounts.Register(ctx, account.RegisterInput{
				Username: p.Username, Email: p.Username + "@demo.invalid", Password: Password, DisplayName: &p.DisplayName,
			})
			if err != nil {
				return fmt.Errorf("register %s: %w", p.Username, err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return s.Find(ctx)
}

// Find answers the accounts of the demo people that there are, by username.
func (s Seeder) Find(ctx context.Context) (map[string]uuid.UUID, error) {
	ids := map[string]uuid.UUID{}
	for _, p := range People() {
		id, err := s.Accounts.ByUsername(ctx, p.Username)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", p.Username, err)
		}
		if id != uuid.Nil {
			ids[p.Username] = id
		}
	}
	return ids, nil
}

func as(ctx context.Context, account uuid.UUID) context.Context {
	return viewer.With(ctx, viewer.OfPerson(account, uuid.Nil))
}
