package messaging

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/block"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/ent/conversationmember"
	"github.com/convenehq/convene/ent/profile"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// Edit changes the text of one of the viewer's messages. A stale expectedVersion answers CONFLICT along
// with the message as it is.
func (s *Service) Edit(ctx context.Context, in EditMessageInput) (*ent.Message, error) {
	if err := checkBody(in.Body); err != nil {
		if _, signedOut := viewer.Require(ctx); signedOut != nil {
			return nil, signedOut
		}
		return nil, err
	}
	id, err := in.MessageID.Row(ent.MessagePrefix, "input", "messageId")
	if err != nil {
		return nil, err
	}
	return s.change(ctx, id, conversationentry.KindEDITED, func(tx *ent.Tx, m *ent.Message) (*ent.MessageUpdateOne, error) {
		switch {
		case m.DeletedAt != nil:
			return nil, refuse(CodeDeleted, "The message has been deleted.", "input", "messageId")
		case in.ExpectedVersion != nil && *in.ExpectedVersion != m.Version:
			return nil, refuse(CodeConflict, "The message has changed since.", "input", "expectedVersion")
		}
		if err := s.mayWrite(ctx, tx, m.ConversationID); err != nil {
			return nil, err
		}
		if m.Body != nil && *m.Body == in.Body {
			return nil, nil
		}
		return tx.Message.UpdateOne(m).SetBody(in.Body).SetEditedAt(s.now()).AddVersion(1), nil
	})
}

// Delete takes the text of one of the viewer's messages away, also where they may no longer write.
// Deleting twice changes nothing.
func (s *Service) Delete(ctx context.Context, in DeleteMessageInput) (*ent.Message, error) {
	id, err := in.MessageID.Row(ent.MessagePrefix, "input", "messageId")
	if err != nil {
		return nil, err
	}
	return s.change(ctx, id, conversationentry.KindDELETED, func(tx *ent.Tx, m *ent.Message) (*ent.MessageUpdateOne, error) {
		if m.DeletedAt != nil {
			return nil, nil
		}
		return tx.Message.UpdateOne(m).ClearBody().ClearInputMAC().SetDeletedAt(s.now()).AddVersion(1), nil
	})
}

// change changes one of the viewer's messages under its conversation's lock, and numbers the change. how
// answers the update to make, or nil if there is nothing to do.
func (s *Service) change(
	ctx context.Context, id uuid.UUID, kind conversationentry.Kind,
	how func(*ent.Tx, *ent.Message) (*ent.MessageUpdateOne, error),
) (*ent.Message, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	none := refuse(CodeNotFound, "There is no such message of yours.", "input", "messageId")
	m, err := s.db.Ent.Message.Get(ctx, id)
	if db.IsNotFound(err) || err == nil && (m.AuthorID == nil || *m.AuthorID != me) {
		return nil, none
	}
	if err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	var seq int64
	conversation := m.ConversationID
	isDeleted := kind == conversationentry.KindDELETED
	asSystem := viewer.AsSystem(ctx, "number a change of the viewer's own message")
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		seq = 0
		taken, err := takeNumber(asSystem, tx, conversation)
		if err != nil {
			return err
		}
		// Read again, in sight of whatever committed before the lock was had.
		if m, err = tx.Message.Get(ctx, id); err != nil {
			if db.IsNotFound(err) {
				return none
			}
			return fmt.Errorf("read the message again: %w", err)
		}
		update, err := how(tx, m)
		if err != nil || update == nil {
			return undone{err}
		}
		log := tx.ConversationEntry.Create().SetConversationID(m.ConversationID).SetSeq(taken).SetKind(kind).SetMessageID(m.ID)
		veiled := false
		if !isDeleted {
			if veiled, err = isVeiled(ctx, tx, m); err != nil {
				return err
			}
		}
		if veiled {
			log.SetNillableBodyBefore(m.Body).SetNillableEditedBefore(m.EditedAt)
		} else if m.EditedAt != nil {
			if err := unkeep(ctx, tx, m, isDeleted); err != nil {
				return err
			}
		}
		if m, err = update.Save(asSystem); err != nil {
			return fmt.Errorf("change the message: %w", err)
		}
		entry, err := log.Save(asSystem)
		if err != nil {
			return fmt.Errorf("log the change: %w", err)
		}
		seq = taken
		return s.facts.Store(ctx, tx, fact.Fact{
			Kind: factOf[kind], Subject: m.ConversationID, Refs: map[string]uuid.UUID{refMessage: m.ID, refEntry: entry.ID},
		})
	})
	var why undone
	if errors.As(err, &why) {
		return m, why.reason
	}
	if err != nil {
		return nil, err
	}
	s.announceChange(ctx, m, seq, kind)
	return m, nil
}

// factOf is which fact a kind of entry is.
var factOf = map[conversationentry.Kind]string{
	conversationentry.KindEDITED:  factEdited,
	conversationentry.KindDELETED: factDeleted,
}

// undone rolls a unit of work back, and the number it took with it, for a reason or for none.
type undone struct{ reason error }

// Error implements error.
func (undone) Error() string { return "nothing to change" }

// takeNumber locks the conversation until the end of the transaction and takes its next number.
func takeNumber(ctx context.Context, tx *ent.Tx, id uuid.UUID) (int64, error) {
	c, err := tx.Conversation.UpdateOneID(id).AddSeq(1).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("take the conversation's next number: %w", err)
	}
	return c.Seq, nil
}

// mayWrite refuses what sending would refuse: in a direct conversation, anything while a block stands, or
// the other one is hidden or erased.
func (s *Service) mayWrite(ctx context.Context, tx *ent.Tx, id uuid.UUID) error {
	ctx = viewer.AsSystem(ctx, "look for a block by whomever")
	kind, err := tx.Conversation.Query().Where(conversation.ID(id)).Select(conversation.FieldKind).String(ctx)
	if err != nil {
		return fmt.Errorf("read the kind of the conversation: %w", err)
	}
	if kind != conversation.KindDIRECT.String() {
		return nil
	}
	var members []uuid.UUID
	err = tx.ConversationMember.Query().Where(conversationmember.ConversationID(id)).
		Select(conversationmember.FieldAccountID).Scan(ctx, &members)
	if err != nil {
		return fmt.Errorf("read the members: %w", err)
	}
	blocked, err := tx.Block.Query().Where(block.BlockerIDIn(members...), block.BlockedIDIn(members...)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for a block: %w", err)
	}
	there, err := tx.Profile.Query().Where(profile.IDIn(members...), profile.HiddenAtIsNil()).Count(ctx)
	if err != nil {
		return fmt.Errorf("look whether both are there: %w", err)
	}
	if blocked || there < 2 {
		return refuse(CodeCannotMessage, "You can not write here.", "input", "messageId")
	}
	return nil
}
