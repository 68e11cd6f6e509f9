package messaging

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/feed"
)

// feedKind is what conversations are called in feeds. It never changes.
const feedKind = "conversation"

// joinFeeds says how conversations get into the feeds: whose, and what is shown there.
func (s *Service) joinFeeds(f *feed.Service) {
	f.Show(feed.Subject{Kind: feedKind, Prefix: ent.ConversationPrefix, Show: s.showConversations})
	f.Follow(s.appearances, account.Appearances...)
	f.Follow(s.audience, factOpened, factJoined, factLeft, factEdited, factDeleted, burstSent, burstRead, burstVisited)
}

// showConversations is conversations as the viewer sees them now, in one statement.
func (s *Service) showConversations(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]feed.Shown, error) {
	rows, views, err := s.views(ctx, viewOthers, selection{ids: ids})
	if err != nil {
		return nil, err
	}
	joined, err := s.joinViews(ctx, rows, views)
	if err != nil {
		return nil, err
	}
	shown := make(map[uuid.UUID]feed.Shown, len(joined))
	for _, c := range joined {
		shown[c.ID] = func(cursor string) feed.Update {
			return &ConversationChanged{Cursor: cursor, Conversation: c}
		}
	}
	return shown, nil
}

// shownTo is whether a member cm sees a message: they joined before it, and it lies behind no curtain. Its words are
// those of ent/visible, and of the migrations.
func shownTo(message string) string {
	return "cm.joined_seq < " + message + ".seq AND " + openTo(message, message+".seq")
}

// openTo is whether what the author of a message did with a number lies behind no curtain for a member cm.
func openTo(message, seq string) string {
	return strings.NewReplacer("$m", message, "$seq", seq).Replace(`NOT EXISTS (
	SELECT 1 FROM curtains x
	WHERE x.conversation_id = $m.conversation_id
		AND x.lower_id = least(cm.account_id, $m.author_id) AND x.upper_id = greatest(cm.account_id, $m.author_id)
		AND x.from_seq < $seq AND (x.until_seq IS NULL OR x.until_seq > $seq))`)
}

// audienceSQL finds for whom something changes that a conversation shows: all members of a new
// one, or of one whose members are others now; who sees at
// least one of the new messages; and of a message that was edited or deleted, who sees it as the last one or has it
// among the unread. What was edited behind a curtain has not changed for whom it hides that from. Whoever was told of a change that shows them nothing else than before would be told of
// something that they must not see.
//
// Most members have no curtain, and of their new messages none has to be looked at.
var audienceSQL = `
SELECT o.id, cm.account_id FROM unnest($1::uuid[]) AS o (id)
JOIN conversation_members cm ON cm.conversation_id = o.id
UNION
SELECT changed.conversation_id, cm.account_id FROM unnest($2::uuid[], $6::uuid[]) AS how (message_id, entry_id)
JOIN messages changed ON changed.id = how.message_id
JOIN conversation_members cm ON cm.conversation_id = changed.conversation_id
LEFT JOIN conversation_entries edit ON edit.id = how.entry_id AND edit.kind = 'EDITED'
WHERE ` + shownTo("changed") + ` AND (edit.seq IS NULL OR ` + openTo("changed", "edit.seq") + `) AND (
	NOT EXISTS (
		SELECT 1 FROM messages later
		WHERE later.conversation_id = changed.conversation_id AND later.seq > changed.seq AND ` + shownTo("later") + `)
	OR changed.deleted_at IS NOT NULL AND changed.seq > cm.last_read_seq AND changed.author_id IS DISTINCT FROM cm.account_id)
UNION
SELECT r.conversation_id, cm.account_id
FROM unnest($3::uuid[], $4::bigint[], $5::bigint[]) AS r (conversation_id, since, through)
JOIN conversation_members cm ON cm.conversation_id = r.conversation_id AND cm.joined_seq < r.through
WHERE NOT EXISTS (
	SELECT 1 FROM curtains x WHERE x.conversation_id = cm.conversation_id AND cm.account_id IN (x.lower_id, x.upper_id)
) OR EXISTS (
	SELECT 1 FROM messages new
	WHERE new.conversation_id = r.conversation_id AND new.seq BETWEEN r.since AND r.through AND ` + shownTo("new") + `)`

// audience is for whom a batch changes a conversation.
func (s *Service) audience(ctx context.Context, tx *ent.Tx, b fact.Batch) ([]feed.Change, error) {
	var opened, messages, entries, conversations []uuid.UUID
	var since, through []int64
	var changes []feed.Change
	for _, f := range b.Facts {
		switch f.Kind {
		case factLeft:
			// For the leaver it is gone; if they have come back meanwhile, it is shown.
			changes = append(changes, feed.Change{Account: f.Refs[refMember], Kind: feedKind, Subject: f.Subject})
			opened = append(opened, f.Subject)
		case factOpened, factJoined:
			opened = append(opened, f.Subject)
		default:
			messages, entries = append(messages, f.Refs[refMessage]), append(entries, f.Refs[refEntry])
		}
	}
	for _, x := range b.Bursts {
		if x.Person != uuid.Nil {
			changes = append(changes, feed.Change{Account: x.Person, Kind: feedKind, Subject: x.Subject})
			continue
		}
		conversations, since, through = append(conversations, x.Subject), append(since, x.Since), append(through, x.Through)
	}
	if len(opened)+len(messages)+len(conversations) == 0 {
		return changes, nil
	}
	rows, err := tx.QueryContext(ctx, audienceSQL, opened, messages, conversations, since, through, entries)
	if err != nil {
		return nil, fmt.Errorf("find who sees a change of a conversation: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		c := feed.Change{Kind: feedKind}
		if err := rows.Scan(&c.Subject, &c.Account); err != nil {
			return nil, fmt.Errorf("read who sees a change of a conversation: %w", err)
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

// appearancesSQL finds to whom people show otherwise than before in a conversation: the other members of those that are
// between two, or small, but for whom a block keeps apart from them, who did not see them there before either.
var appearancesSQL = `
SELECT me.conversation_id, cm.account_id
FROM conversation_members me
JOIN conversations c ON c.id = me.conversation_id
JOIN conversation_members cm ON cm.conversation_id = me.conversation_id AND cm.account_id <> me.account_id
WHERE me.account_id = ANY ($1::uuid[]) AND ` + isSmall + ` AND (c.kind = 'DIRECT' OR NOT EXISTS (
	SELECT 1 FROM blocks b
	WHERE b.blocker_id = me.account_id AND b.blocked_id = cm.account_id OR b.blocked_id = me.account_id AND b.blocker_id = cm.account_id))`

// appearances is in which conversations somebody shows otherwise than before, and to whom.
func (s *Service) appearances(ctx context.Context, tx *ent.Tx, b fact.Batch) ([]feed.Change, error) {
	people := make([]uuid.UUID, len(b.Facts))
	for i, f := range b.Facts {
		people[i] = f.Subject
	}
	conversations, accounts, err := pairs(ctx, tx, appearancesSQL, people)
	if err != nil {
		return nil, err
	}
	changes := make([]feed.Change, len(conversations))
	for i, c := range conversations {
		changes[i] = feed.Change{Account: accounts[i], Kind: feedKind, Subject: c}
	}
	return changes, nil
}
