package messaging

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/ent/conversationmember"
	entcurtain "github.com/convenehq/convene/ent/curtain"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// Leave takes somebody out of a circle's conversation, by whosoever wish, in the transaction of whatever they leave.
// It takes a hidden number, and where the nodes come to that, the leaver's subscriptions end: no later message gets
// out. Announce publishes it once it has been committed. Who is no member has nothing to leave.
//
// The leaver's account is locked first: no curtain is moved meanwhile.
func (s *Service) Leave(ctx context.Context, tx *ent.Tx, conversationID, person uuid.UUID) ([]Notice, error) {
	system := viewer.AsSystem(ctx, "take a member out of a conversation, whoever wants it")
	if _, err := s.accounts.Lock(ctx, tx, person); err != nil {
		return nil, err
	}
	if err := lockCircle(system, tx, conversationID); err != nil {
		return nil, err
	}
	gone, err := tx.ConversationMember.Delete().
		Where(conversationmember.ConversationID(conversationID), conversationmember.AccountID(person)).Exec(system)
	if err != nil {
		return nil, fmt.Errorf("take the member out: %w", err)
	}
	if gone == 0 {
		return nil, nil
	}
	seq, err := takeNumber(system, tx, conversationID)
	if err != nil {
		return nil, err
	}
	n, err := logMember(system, tx, conversationID, seq, conversationentry.KindMEMBER_LEFT, person)
	if err != nil {
		return nil, err
	}
	// Nothing more will be written behind the leaver's curtains. Whoever comes back is judged anew.
	err = tx.Curtain.Update().Where(
		entcurtain.ConversationID(conversationID), entcurtain.UntilSeqIsNil(),
		entcurtain.Or(entcurtain.LowerID(person), entcurtain.UpperID(person)),
	).SetUntilSeq(seq).Exec(system)
	if err != nil {
		return nil, fmt.Errorf("lift the leaver's curtains: %w", err)
	}
	return []Notice{n}, s.facts.Store(ctx, tx, fact.Fact{
		Kind: factLeft, Subject: conversationID, Refs: map[string]uuid.UUID{refMember: person},
	})
}
