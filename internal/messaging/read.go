package messaging

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversationmember"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// MarkRead moves the viewer's read position forward. It touches the viewer's own row and feed only, whatever
// the size of the conversation.
func (s *Service) MarkRead(ctx context.Context, in MarkConversationReadInput) (*ent.Conversation, error) {
	me, c, err := s.own(ctx, in.ConversationID.Row)
	if err != nil {
		return nil, err
	}
	through := c.Seq
	if in.ThroughSeq != nil {
		if *in.ThroughSeq < 0 {
			return nil, fault.BadRequest([]string{"input", "throughSeq"}, "A position is not below 0.")
		}
		through = min(through, int64(*in.ThroughSeq))
	}
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		moved, err := tx.ConversationMember.Update().Where(
			conversationmember.ConversationID(c.ID), conversationmember.AccountID(me), conversationmember.LastReadSeqLT(through),
		).SetLastReadSeq(through).Save(ctx)
		if err != nil {
			return fmt.Errorf("move the read position: %w", err)
		}
		if moved == 0 {
			return nil
		}
		return s.facts.Note(ctx, tx, burstRead, fact.Burst{Subject: c.ID, Person: me, Since: through, Through: through})
	})
	return c, err
}

// Visit notes that the viewer has looked at a conversation now.
func (s *Service) Visit(ctx context.Context, in VisitConversationInput) (*ent.Conversation, error) {
	me, c, err := s.own(ctx, in.ConversationID.Row)
	if err != nil {
		return nil, err
	}
	now := s.now()
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		// Never back, whatever another node's clock says: what bursts are numbered by rises.
		moved, err := tx.ConversationMember.Update().Where(
			conversationmember.ConversationID(c.ID), conversationmember.AccountID(me),
			conversationmember.Or(conversationmember.LastVisitAtIsNil(), conversationmember.LastVisitAtLT(now)),
		).SetLastVisitAt(now).Save(ctx)
		if err != nil {
			return fmt.Errorf("note the visit: %w", err)
		}
		if moved == 0 {
			return nil
		}
		at := now.UnixMicro()
		return s.facts.Note(ctx, tx, burstVisited, fact.Burst{Subject: c.ID, Person: me, Since: at, Through: at})
	})
	return c, err
}

// own is the viewer and a conversation they are in; row reads the conversation's id.
func (s *Service) own(ctx context.Context, row func(string, ...string) (uuid.UUID, error)) (uuid.UUID, *ent.Conversation, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return uuid.Nil, nil, err
	}
	id, err := row(ent.ConversationPrefix, "input", "conversationId")
	if err != nil {
		return uuid.Nil, nil, err
	}
	c, err := s.db.Ent.Conversation.Get(ctx, id)
	if db.IsNotFound(err) {
		return uuid.Nil, nil, refuse(CodeNotFound, "There is no such conversation of yours.", "input", "conversationId")
	}
	if err != nil {
		return uuid.Nil, nil, fmt.Errorf("read the conversation: %w", err)
	}
	return me, c, nil
}
