package messaging

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
)

// How much of somebody is erased in one transaction: its conversations are locked meanwhile.
const (
	erasedMessages = 500
	erasedMembers  = 100
)

// erase takes somebody out of all conversations and empties what they wrote: the numbers stay, with nothing in them. The
// other members' streams take a number each time and begin anew behind it, so that whoever resumes from before
// fetches afresh, and no node gives a text from what it remembers.
//
// Each transaction leaves less to do, so it may be cut short anywhere. Nobody writes in the person's name any more: who
// is hidden is refused, and who is no member too.
func (s *Service) erase(ctx context.Context, account uuid.UUID) error {
	for _, some := range []func(ctx context.Context, tx *ent.Tx, account uuid.UUID) (int64, error){
		s.eraseMessages, s.eraseMemberships, eraseCurtains,
	} {
		for n := int64(1); n > 0; {
			err := s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
				n, err = some(ctx, tx, account)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseMessages empties some of somebody's messages and answers how many those were.
func (s *Service) eraseMessages(ctx context.Context, tx *ent.Tx, account uuid.UUID) (int64, error) {
	// Two indexes, each of which has one half of them. The order keeps the planner from reading the table from its
	// beginning each time.
	messages, conversations, err := pairs(ctx, tx, `
(SELECT id, conversation_id FROM messages WHERE author_id = $1 AND idempotency_key IS NOT NULL ORDER BY idempotency_key LIMIT $2)
UNION ALL
(SELECT id, conversation_id FROM messages WHERE author_id = $1 AND idempotency_key IS NULL LIMIT $2)`, account, erasedMessages)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	if err := lockInOrder(ctx, tx, conversations); err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `
UPDATE conversation_entries SET body_before = NULL, edited_before = NULL
WHERE message_id = ANY ($1::uuid[]) AND body_before IS NOT NULL`, messages)
	if err != nil {
		return 0, fmt.Errorf("erase kept texts: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
UPDATE messages SET author_id = NULL, body = NULL, idempotency_key = NULL, input_mac = NULL,
	deleted_at = coalesce(deleted_at, $2), version = version + 1
WHERE id = ANY ($1::uuid[])`, messages, s.now())
	if err != nil {
		return 0, fmt.Errorf("erase messages: %w", err)
	}
	return int64(len(messages)), raiseFloors(ctx, tx, conversations)
}

// eraseMemberships takes somebody out of some of their conversations and answers how many those were. The others in
// them are told by their feeds.
func (s *Service) eraseMemberships(ctx context.Context, tx *ent.Tx, account uuid.UUID) (int64, error) {
	members, conversations, err := pairs(ctx, tx,
		"SELECT id, conversation_id FROM conversation_members WHERE account_id = $1 ORDER BY conversation_id LIMIT $2", account, erasedMembers)
	if err != nil || len(members) == 0 {
		return 0, err
	}
	if err := lockInOrder(ctx, tx, conversations); err != nil {
		return 0, err
	}
	for what, statement := range map[string]string{
		"entries": `DELETE FROM conversation_entries WHERE conversation_id = ANY ($2::uuid[]) AND $1 IN (lower_id, upper_id, member_id)`,
		// Of the two ids in it one is theirs.
		"pairs":       `UPDATE conversations SET pair_key = NULL WHERE id = ANY ($2::uuid[]) AND $1::uuid IS NOT NULL AND pair_key IS NOT NULL`,
		"memberships": `DELETE FROM conversation_members WHERE conversation_id = ANY ($2::uuid[]) AND account_id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, account, conversations); err != nil {
			return 0, fmt.Errorf("erase %s: %w", what, err)
		}
	}
	facts := make([]fact.Fact, len(conversations))
	for i, c := range conversations {
		facts[i] = fact.Fact{Kind: factLeft, Subject: c, Refs: map[string]uuid.UUID{refMember: account}}
	}
	if err := s.facts.Store(ctx, tx, facts...); err != nil {
		return 0, err
	}
	return int64(len(members)), raiseFloors(ctx, tx, conversations)
}

// eraseCurtains removes what hung between somebody and others, and answers how many those were.
func eraseCurtains(ctx context.Context, tx *ent.Tx, account uuid.UUID) (int64, error) {
	done, err := tx.ExecContext(ctx, `
DELETE FROM curtains WHERE id IN (SELECT id FROM curtains WHERE lower_id = $1 OR upper_id = $1 LIMIT $2)`, account, erasedMessages)
	if err != nil {
		return 0, fmt.Errorf("erase curtains: %w", err)
	}
	return done.RowsAffected()
}

// lockInOrder locks conversations in the order in which everybody locks them.
func lockInOrder(ctx context.Context, tx *ent.Tx, conversations []uuid.UUID) error {
	_, err := tx.ExecContext(ctx, "SELECT 1 FROM conversations WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", conversations)
	if err != nil {
		return fmt.Errorf("lock conversations: %w", err)
	}
	return nil
}

// raiseFloors has the streams of conversations begin anew behind a number of which there is nothing to say.
func raiseFloors(ctx context.Context, tx *ent.Tx, conversations []uuid.UUID) error {
	_, err := tx.ExecContext(ctx, "UPDATE conversations SET seq = seq + 1, floor_seq = seq + 1 WHERE id = ANY ($1::uuid[])", conversations)
	if err != nil {
		return fmt.Errorf("begin the streams of conversations anew: %w", err)
	}
	return nil
}

// pairs reads rows of two ids.
func pairs(ctx context.Context, tx *ent.Tx, query string, args ...any) (first, second []uuid.UUID, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("find what is to be erased: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b uuid.UUID
		if err := rows.Scan(&a, &b); err != nil {
			return nil, nil, fmt.Errorf("find what is to be erased: %w", err)
		}
		first, second = append(first, a), append(second, b)
	}
	return first, second, rows.Err()
}
