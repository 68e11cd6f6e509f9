package messaging

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/block"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/ent/profile"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// pairKey is the same for two people whoever of them asks.
func pairKey(a, b uuid.UUID) string {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return a.String() + ":" + b.String()
}

// direct finds the conversation of two people. If there is none it makes one, as long as nothing forbids
// the first to write to the second; the same refusal covers every reason, and people who do not exist.
func (s *Service) direct(ctx context.Context, me, other uuid.UUID, mayMake bool) (uuid.UUID, error) {
	if me == other {
		return uuid.Nil, refuse(CodeSelf, "This would be a message to yourself.", "input", "recipientId")
	}
	id, err := s.db.Ent.Conversation.Query().Where(conversation.PairKey(pairKey(me, other))).OnlyID(ctx)
	switch {
	case err == nil:
		return id, nil
	case !db.IsNotFound(err):
		return uuid.Nil, fmt.Errorf("find the direct conversation: %w", err)
	case !mayMake:
		return uuid.Nil, refuse(CodeNotFound, "There is no such message to answer here.", "input", "replyToId")
	}
	ctx = viewer.AsSystem(ctx, "make a conversation that its members may then see")
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		id, err = s.makeDirect(ctx, tx, me, other)
		return err
	})
	return id, err
}

// makeDirect makes the conversation of two people whose accounts it locks first: a block of one by the
// other waits, or is seen.
func (s *Service) makeDirect(ctx context.Context, tx *ent.Tx, me, other uuid.UUID) (uuid.UUID, error) {
	exist, err := s.accounts.Lock(ctx, tx, me, other)
	if err != nil {
		return uuid.Nil, err
	}
	if !slices.Contains(exist, me) || !slices.Contains(exist, other) {
		return uuid.Nil, cannotMessage(true)
	}
	hidden, err := tx.Profile.Query().Where(profile.IDIn(me, other), profile.HiddenAtNotNil()).Exist(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("look who is hidden: %w", err)
	}
	blocked, err := tx.Block.Query().Where(block.Or(
		block.And(block.BlockerID(me), block.BlockedID(other)),
		block.And(block.BlockerID(other), block.BlockedID(me)),
	)).Exist(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("look for a block: %w", err)
	}
	if blocked || hidden {
		return uuid.Nil, cannotMessage(true)
	}
	// Both accounts are locked: nobody else makes this conversation now.
	key := pairKey(me, other)
	if id, err := tx.Conversation.Query().Where(conversation.PairKey(key)).OnlyID(ctx); err == nil || !db.IsNotFound(err) {
		return id, err
	}
	c, err := tx.Conversation.Create().SetKind(conversation.KindDIRECT).SetPairKey(key).Save(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("make the conversation: %w", err)
	}
	err = tx.ConversationMember.CreateBulk(
		tx.ConversationMember.Create().SetConversationID(c.ID).SetAccountID(me),
		tx.ConversationMember.Create().SetConversationID(c.ID).SetAccountID(other),
	).Exec(ctx)
	if err != nil {
		return uuid.Nil, fmt.Errorf("add the members: %w", err)
	}
	return c.ID, s.facts.Store(ctx, tx, fact.Fact{Kind: factOpened, Subject: c.ID, Actor: me})
}
