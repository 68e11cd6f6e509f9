package messaging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/ent/conversationmember"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/viewer"
)

var (
	errDirect = errors.New("a direct conversation has its two members for ever")
	errNoSuch = errors.New("there is no such conversation")
	errNobody = errors.New("an account does not exist")
)

// mostJoined is how many can join at once: PostgreSQL takes 65,535 parameters a statement, and a row has up to nine.
const mostJoined = 1000

// Join makes people members of a circle's conversation, in the transaction of whatever makes them that, which also
// has judged whether they may be. They see what comes from then on. Those who are members already stay what they are.
// Each takes a hidden number, before any later message; Announce publishes those once they have been committed.
//
// It locks the accounts first and then the conversation: a block between one of them and a member waits, or is seen.
func (s *Service) Join(ctx context.Context, tx *ent.Tx, conversationID uuid.UUID, people ...uuid.UUID) ([]Notice, error) {
	system := viewer.AsSystem(ctx, "add members to a conversation that they may then see")
	people = inOrder(people)
	if len(people) > mostJoined {
		return nil, fmt.Errorf("add %d members at once: at most %d", len(people), mostJoined)
	}
	exist, err := s.accounts.Lock(ctx, tx, people...)
	if err != nil {
		return nil, err
	}
	if len(exist) < len(people) {
		return nil, fmt.Errorf("add members: %w", errNobody)
	}
	if err := lockCircle(system, tx, conversationID); err != nil {
		return nil, err
	}
	var already []uuid.UUID
	err = tx.ConversationMember.Query().
		Where(conversationmember.ConversationID(conversationID), conversationmember.AccountIDIn(people...)).
		Select(conversationmember.FieldAccountID).Scan(system, &already)
	if err != nil {
		return nil, fmt.Errorf("look who is a member already: %w", err)
	}
	people = slices.DeleteFunc(people, func(id uuid.UUID) bool { return slices.Contains(already, id) })
	if len(people) == 0 {
		return nil, nil
	}
	c, err := tx.Conversation.UpdateOneID(conversationID).AddSeq(int64(len(people))).Save(system)
	if err != nil {
		return nil, fmt.Errorf("take the conversation's next numbers: %w", err)
	}
	members := make([]*ent.ConversationMemberCreate, len(people))
	facts := make([]fact.Fact, len(people))
	var notices []Notice
	for i, id := range people {
		seq := c.Seq - int64(len(people)) + int64(i) + 1
		members[i] = tx.ConversationMember.Create().SetConversationID(conversationID).SetAccountID(id).SetJoinedSeq(seq).SetLastReadSeq(seq)
		facts[i] = fact.Fact{Kind: factJoined, Subject: conversationID, Refs: map[string]uuid.UUID{refMember: id}}
		n, err := logMember(system, tx, conversationID, seq, conversationentry.KindMEMBER_JOINED, id)
		if err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	if err := tx.ConversationMember.CreateBulk(members...).Exec(system); err != nil {
		return nil, fmt.Errorf("add the members: %w", err)
	}
	drawn, err := s.drawForNew(system, tx, conversationID, people)
	if err != nil {
		return nil, err
	}
	return append(notices, drawn...), s.facts.Store(ctx, tx, facts...)
}

// inOrder is people in the order in which their accounts are locked, each once.
func inOrder(people []uuid.UUID) []uuid.UUID {
	return slices.Compact(slices.SortedFunc(slices.Values(people), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }))
}

// lockCircle locks a conversation that people join and leave until the end of the transaction.
func lockCircle(ctx context.Context, tx *ent.Tx, id uuid.UUID) error {
	c, err := tx.Conversation.Query().Where(conversation.ID(id)).ForUpdate(sql.WithLockClause("FOR NO KEY UPDATE")).Only(ctx)
	switch {
	case db.IsNotFound(err):
		return fmt.Errorf("change who is in it: %w", errNoSuch)
	case err != nil:
		return fmt.Errorf("lock the conversation: %w", err)
	case c.Kind == conversation.KindDIRECT:
		return fmt.Errorf("change who is in it: %w", errDirect)
	}
	return nil
}

// logMember writes the hidden entry of somebody who joins or leaves.
func logMember(
	ctx context.Context, tx *ent.Tx, conversationID uuid.UUID, seq int64, kind conversationentry.Kind, member uuid.UUID,
) (Notice, error) {
	err := tx.ConversationEntry.Create().SetConversationID(conversationID).SetSeq(seq).SetKind(kind).SetMemberID(member).Exec(ctx)
	if err != nil {
		return Notice{}, fmt.Errorf("log a member: %w", err)
	}
	u, err := entry{Kind: kind.String(), Member: member}.update(seq)
	if err != nil {
		return Notice{}, err
	}
	u.Trace = telemetry.Collected(ctx)
	return Notice{key: streamOf(conversationID), updates: []live.Update{u}}, nil
}

// Between which of the members a block stands, of whom at least one is new.
const partedMembersSQL = `
SELECT DISTINCT least(b.blocker_id, b.blocked_id), greatest(b.blocker_id, b.blocked_id)
FROM blocks b
JOIN conversation_members x ON x.conversation_id = $1 AND x.account_id = b.blocker_id
JOIN conversation_members y ON y.conversation_id = $1 AND y.account_id = b.blocked_id
WHERE b.blocker_id = ANY ($2::uuid[]) OR b.blocked_id = ANY ($2::uuid[])
ORDER BY 1, 2`

// drawForNew draws the curtains between new members, whose accounts are locked, and those with whom a block stands.
func (s *Service) drawForNew(ctx context.Context, tx *ent.Tx, conversationID uuid.UUID, people []uuid.UUID) ([]Notice, error) {
	pairs, err := partedMembers(ctx, tx, conversationID, people)
	if err != nil {
		return nil, err
	}
	var notices []Notice
	for _, pair := range pairs {
		u, err := moveCurtain(ctx, tx, conversationID, conversationentry.KindCURTAIN_DRAWN, pair[0], pair[1], drawCurtain)
		if err != nil {
			return nil, err
		}
		notices = append(notices, Notice{key: streamOf(conversationID), updates: []live.Update{u}})
	}
	return notices, nil
}

func partedMembers(ctx context.Context, tx *ent.Tx, conversationID uuid.UUID, people []uuid.UUID) (pairs [][2]uuid.UUID, err error) {
	rows, err := tx.QueryContext(ctx, partedMembersSQL, conversationID, people)
	if err != nil {
		return nil, fmt.Errorf("look for blocks of new members: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var pair [2]uuid.UUID
		if err := rows.Scan(&pair[0], &pair[1]); err != nil {
			return nil, fmt.Errorf("read a block of a new member: %w", err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, rows.Err()
}
