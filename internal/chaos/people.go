package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/rehearsal"
	"github.com/convenehq/convene/internal/token"
)

// groupSize is how many people the groups have.
const groupSize = 5

// A person has registered, and is in some conversations.
type person struct {
	id      uuid.UUID
	profile string
	token   string
	in      []*conversation
	// cursors opens what clients take as it is: the numbers in cursors are what arrivals are held to.
	cursors *live.Hub
}

// A conversation is one of the run's.
type conversation struct {
	id       uuid.UUID
	globalID string
	members  []*person
	isDirect bool
	// head is where it stood when everybody began to follow it, cursor the same as clients know it.
	head   int64
	cursor string
}

// A town is the people and their conversations.
type town struct {
	people        []*person
	conversations []*conversation
}

// settle registers people and opens their conversations: everybody is in a direct one, in a group, and
// three in five are in the one large one.
func settle(ctx context.Context, fleet *rehearsal.Fleet, d *db.DB, keys string, count int, random *rand.Rand) (*town, error) {
	secrets, err := token.ParseKeys(keys)
	if err != nil {
		return nil, fmt.Errorf("read the nodes' keys: %w", err)
	}
	ring, err := token.NewRing(secrets...)
	if err != nil {
		return nil, err
	}
	hub := live.New(live.Options{Epoch: d.Epoch})
	slices := graph.Connect(graph.Base{DB: d, Ring: ring, Hub: hub})
	defer slices.Close()

	t := &town{people: make([]*person, count)}
	var work errgroup.Group
	work.SetLimit(4)
	for i := range t.people {
		work.Go(func() (err error) {
			if t.people[i], err = register(ctx, fleet, fmt.Sprintf("chaos%d", i)); err == nil {
				t.people[i].cursors = hub
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	for i := 0; i+1 < count; i += 2 {
		c, err := befriend(ctx, fleet, t.people[i], t.people[i+1])
		if err != nil {
			return nil, err
		}
		t.add(c)
	}
	// No mutation makes the others.
	open := func(title string, members []*person) error {
		ids := make([]uuid.UUID, len(members))
		for i, p := range members {
			ids[i] = p.id
		}
		row, err := slices.Messaging.Open(ctx, title, ids...)
		if err != nil {
			return fmt.Errorf("open %s: %w", title, err)
		}
		t.add(&conversation{id: row.ID, globalID: string(row.GlobalID()), members: members})
		return nil
	}
	mixed := make([]*person, count)
	for i, at := range random.Perm(count) {
		mixed[i] = t.people[at]
	}
	for i := 0; i+groupSize <= count; i += groupSize {
		if err := open(fmt.Sprintf("group %d", i/groupSize+1), mixed[i:i+groupSize]); err != nil {
			return nil, err
		}
	}
	if err := open("everybody", mixed[:min(count, max(3, count*3/5))]); err != nil {
		return nil, err
	}
	return t, t.look(ctx, fleet)
}

func (t *town) add(c *conversation) {
	t.conversations = append(t.conversations, c)
	for _, p := range c.members {
		p.in = append(p.in, c)
	}
}

// largest is the conversation with the most members.
func (t *town) largest() *conversation {
	return slices.MaxFunc(t.conversations, func(a, b *conversation) int { return len(a.members) - len(b.members) })
}

// look asks for the cursors with which everybody begins to follow.
func (t *town) look(ctx context.Context, fleet *rehearsal.Fleet) error {
	for _, c := range t.conversations {
		var answer struct{ Conversation *struct{ Cursor string } }
		_, err := fleet.Ask(ctx, c.members[0].token, `query ($id: ID!) { conversation(id: $id) { cursor } }`,
			map[string]any{"id": c.globalID}, &answer)
		if err == nil && answer.Conversation == nil {
			err = errRefused
		}
		if err != nil {
			return fmt.Errorf("look at a conversation: %w", err)
		}
		c.cursor = answer.Conversation.Cursor
		at, err := c.members[0].cursors.ParseCursor(c.key(), c.cursor)
		if err != nil {
			return err
		}
		c.head = at.Seq
	}
	return nil
}

var errRefused = errors.New("it was refused")

func register(ctx context.Context, fleet *rehearsal.Fleet, name string) (*person, error) {
	var answer struct {
		Register struct {
			Viewer  *struct{ Profile struct{ ID string } }
			Session *struct{ AccessToken string }
		}
	}
	_, err := fleet.Ask(ctx, "", `mutation ($in: RegisterInput!) {
		register(input: $in) { viewer { profile { id } } session { accessToken } }
	}`, map[string]any{"in": map[string]any{
		"username": name, "email": name + "@chaos.invalid", "password": "nothing depends on it", "idempotencyKey": name,
	}}, &answer)
	if err == nil && (answer.Register.Session == nil || answer.Register.Viewer == nil) {
		err = errRefused
	}
	if err != nil {
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	p := &person{profile: answer.Register.Viewer.Profile.ID, token: answer.Register.Session.AccessToken}
	p.id, err = relay.ID(p.profile).Row(ent.ProfilePrefix)
	return p, err
}

// beginning is the key of the messages that begin direct conversations.
const beginning = "begin"

// befriend has one write to the other, which makes their conversation.
func befriend(ctx context.Context, fleet *rehearsal.Fleet, a, b *person) (*conversation, error) {
	var answer struct {
		SendMessage struct{ Conversation *struct{ ID string } }
	}
	_, err := fleet.Ask(ctx, a.token, `mutation ($in: SendMessageInput!) { sendMessage(input: $in) { conversation { id } } }`,
		map[string]any{"in": map[string]any{"recipientId": b.profile, "body": "Shall we?", "idempotencyKey": beginning}}, &answer)
	if err == nil && answer.SendMessage.Conversation == nil {
		err = errRefused
	}
	if err != nil {
		return nil, fmt.Errorf("begin a conversation: %w", err)
	}
	c := &conversation{globalID: answer.SendMessage.Conversation.ID, members: []*person{a, b}, isDirect: true}
	c.id, err = relay.ID(c.globalID).Row(ent.ConversationPrefix)
	return c, err
}
