package messaging

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// Open makes the conversation of a circle with the given members. No mutation reaches it: a circle calls
// it for its own members, and tests and benchmarks for conversations of any size. A block between two of them holds here
// as everywhere.
func (s *Service) Open(ctx context.Context, title string, members ...uuid.UUID) (*ent.Conversation, error) {
	ctx = viewer.AsSystem(ctx, "make a conversation that its members may then see")
	var c *ent.Conversation
	err := s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		for some := range slices.Chunk(inOrder(members), mostLocked) {
			if _, err := s.accounts.Lock(ctx, tx, some...); err != nil {
				return err
			}
		}
		c, err = tx.Conversation.Create().SetKind(conversation.KindCIRCLE).SetTitle(title).Save(ctx)
		if err != nil {
			return fmt.Errorf("make the conversation: %w", err)
		}
		rows := make([]*ent.ConversationMemberCreate, len(members))
		for i, member := range members {
			rows[i] = tx.ConversationMember.Create().SetConversationID(c.ID).SetAccountID(member)
		}
		// PostgreSQL takes 65,535 parameters a statement; a row has seven.
		const most = 5000
		for len(rows) > 0 {
			n := min(len(rows), most)
			if err := tx.ConversationMember.CreateBulk(rows[:n]...).Exec(ctx); err != nil {
				return fmt.Errorf("add the members: %w", err)
			}
			rows = rows[n:]
		}
		// Nobody listens yet who would have to be told.
		drawn, err := s.drawForNew(ctx, tx, c.ID, members)
		if err != nil {
			return err
		}
		c.Seq += int64(len(drawn))
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factOpened, Subject: c.ID})
	})
	return c, err
}

// mostLocked is how many accounts one statement locks.
const mostLocked = 20_000

// OpenEmpty makes conversations of circles that nobody is in yet, and answers their ids in the order of making. Until
// somebody joins they change nothing for anybody, and so are no facts. Benchmarks make very many of them.
func (s *Service) OpenEmpty(ctx context.Context, title string, count int) ([]uuid.UUID, error) {
	ctx = viewer.AsSystem(ctx, "make conversations that nobody is in")
	const most = 5000 // see above
	ids := make([]uuid.UUID, 0, count)
	for len(ids) < count {
		some := make([]*ent.ConversationCreate, min(most, count-len(ids)))
		for i := range some {
			ids = append(ids, uuid.Must(uuid.NewV7()))
			some[i] = s.db.Ent.Conversation.Create().SetID(ids[len(ids)-1]).SetKind(conversation.KindCIRCLE).SetTitle(title)
		}
		if err := s.db.Ent.Conversation.CreateBulk(some...).Exec(ctx); err != nil {
			return nil, fmt.Errorf("make conversations: %w", err)
		}
	}
	return ids, nil
}
