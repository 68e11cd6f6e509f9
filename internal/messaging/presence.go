package messaging

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/sibling"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	// mostPresent is the most members a conversation may have for them to be told who of them is online: in a larger one
	// somebody always comes or goes.
	mostPresent = 50
	// presenceAtOnce is how many people or conversations one statement is asked about.
	presenceAtOnce = 1000
)

// isSmall is whether a conversation is one whose members are told who of them is online.
var isSmall = `(SELECT count(*) FROM (
	SELECT 1 FROM conversation_members few WHERE few.conversation_id = me.conversation_id LIMIT ` + strconv.Itoa(mostPresent+1) + `
) few) <= ` + strconv.Itoa(mostPresent)

// answered is how many of the latest messages of a direct conversation are looked through for one of a member's.
const answered = 100

// showsSelf is whether a member lets the others know that they are online. In a direct conversation they do by writing:
// else anybody could write to a stranger, and see them come and go from then on.
func showsSelf(member string) string {
	return `((SELECT c.kind FROM conversations c WHERE c.id = ` + member + `.conversation_id) <> 'DIRECT' OR EXISTS (
	SELECT 1 FROM (
		SELECT m.author_id FROM messages m WHERE m.conversation_id = ` + member + `.conversation_id
		ORDER BY m.seq DESC LIMIT ` + strconv.Itoa(answered) + `
	) latest WHERE latest.author_id = ` + member + `.account_id))`
}

// OnlineMembers are those of the other members who are online and whom no block keeps apart from the viewer, in the
// order of joining. Nil if nobody can tell now, or if the conversation is too large to be told.
func (s *Service) OnlineMembers(ctx context.Context, c *ent.Conversation, first int) ([]*profile.ProfileCard, error) {
	if first < 1 || first > 100 {
		return nil, fault.BadRequest([]string{"first"}, "`first` is 1 to 100, not %d.", first)
	}
	me, err := viewer.Require(ctx)
	if err != nil || s.presence == nil {
		return nil, err
	}
	v, err := sibling.Load(ctx, c, "near", conversationID, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*nearby, error) {
		all := make(map[uuid.UUID]*nearby, len(ids))
		for _, id := range ids {
			all[id] = &nearby{}
		}
		return all, s.readNearby(ctx, ids, slices.Repeat([]uuid.UUID{me}, len(ids)), func(n near) { all[n.conversation].add(n.card) })
	})
	if err != nil || v == nil || !v.isSmall {
		return nil, err
	}
	online, known := s.presence.Online(v.ids()...)
	if !known {
		return nil, nil
	}
	there := []*profile.ProfileCard{}
	for _, card := range v.cards {
		if online[card.Row] && len(there) < first {
			there = append(there, card)
		}
	}
	return there, nil
}

// A nearby is the members of a conversation of whom somebody may know whether they are online.
type nearby struct {
	isSmall bool
	cards   []*profile.ProfileCard
}

func (n *nearby) add(card *profile.ProfileCard) {
	n.isSmall = true
	if card != nil {
		n.cards = append(n.cards, card)
	}
}

func (n *nearby) ids() []uuid.UUID {
	ids := make([]uuid.UUID, len(n.cards))
	for i, card := range n.cards {
		ids[i] = card.Row
	}
	return ids
}

// A near is one of them; the card is nil where there are none.
type near struct {
	conversation, viewer uuid.UUID
	card                 *profile.ProfileCard
}

// Each of some members of conversations, with the other members of the small ones between whom no block stands.
var nearbySQL = `
SELECT me.conversation_id, me.account_id, o.account_id, o.username, o.display_name
FROM unnest($1::uuid[], $2::uuid[]) AS k (conversation_id, account_id)
JOIN conversation_members me ON me.conversation_id = k.conversation_id AND me.account_id = k.account_id
LEFT JOIN LATERAL (
	SELECT o.account_id, p.username, p.display_name, o.created_at, o.id
	FROM conversation_members o JOIN profiles p ON p.id = o.account_id AND p.hidden_at IS NULL
	WHERE o.conversation_id = me.conversation_id AND o.account_id <> me.account_id AND NOT EXISTS (
		SELECT 1 FROM blocks b
		WHERE b.blocker_id = me.account_id AND b.blocked_id = o.account_id OR b.blocked_id = me.account_id AND b.blocker_id = o.account_id)
	AND ` + showsSelf("o") + `
) o ON true
WHERE ` + isSmall + `
ORDER BY me.conversation_id, o.created_at, o.id`

func (s *Service) readNearby(ctx context.Context, conversations, viewers []uuid.UUID, take func(near)) error {
	rows, err := s.db.SQL.QueryContext(ctx, nearbySQL, conversations, viewers)
	if err != nil {
		return fmt.Errorf("read whose presence somebody may know: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var cards []*profile.ProfileCard
	for rows.Next() {
		var n near
		var other *uuid.UUID
		var username, displayName *string
		if err := rows.Scan(&n.conversation, &n.viewer, &other, &username, &displayName); err != nil {
			return fmt.Errorf("read whose presence somebody may know: %w", err)
		}
		if other != nil {
			n.card = &profile.ProfileCard{Row: *other, Username: *username, DisplayName: *displayName}
			cards = append(cards, n.card)
		}
		take(n)
	}
	sibling.Join(cards)
	return rows.Err()
}
