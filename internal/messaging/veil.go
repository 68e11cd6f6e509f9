package messaging

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversationentry"
	entcurtain "github.com/convenehq/convene/ent/curtain"
	"github.com/convenehq/convene/internal/viewer"
)

// An edit behind a curtain is written there: the two that it hangs between go on seeing the text from before, and
// everybody else the new one. So the text that such an edit replaces is kept with its entry, until an edit that
// nothing hides from anybody, or the deletion of the message.

// isVeiled tells whether a curtain hides from anybody what the author of a message from before it writes now.
func isVeiled(ctx context.Context, tx *ent.Tx, m *ent.Message) (bool, error) {
	ctx = viewer.AsSystem(ctx, "nobody may see the curtain between two people, not even they")
	hangs, err := tx.Curtain.Query().Where(
		entcurtain.ConversationID(m.ConversationID), entcurtain.UntilSeqIsNil(), entcurtain.FromSeqGT(m.Seq),
		entcurtain.Or(entcurtain.LowerID(*m.AuthorID), entcurtain.UpperID(*m.AuthorID)),
	).Exist(ctx)
	if err != nil {
		return false, fmt.Errorf("look for a curtain: %w", err)
	}
	return hangs, nil
}

// unkeep lets go of the texts that a message had before edits behind curtains. With isGone there is no text any more:
// that there were such edits is still not to be told.
func unkeep(ctx context.Context, tx *ent.Tx, m *ent.Message, isGone bool) error {
	ctx = viewer.AsSystem(ctx, "texts of before edits are for nobody to read as such")
	update := tx.ConversationEntry.Update().Where(conversationentry.MessageID(m.ID), conversationentry.BodyBeforeNotNil())
	if isGone {
		update.SetBodyBefore("")
	} else {
		update.ClearBodyBefore().ClearEditedBefore()
	}
	if err := update.Exec(ctx); err != nil {
		return fmt.Errorf("let go of the texts from before: %w", err)
	}
	return nil
}

// veil makes edited messages such as the viewer sees them, in one statement for all. It reads the texts together with
// what hides them: an edit may have come between the first reading and this one.
//
// For a viewer, of the edits whose earlier text is kept those count that a curtain hides and that no visible one
// follows: the text is the one before the first of them.
func (s *Service) veil(ctx context.Context, messages ...*ent.Message) error {
	v := viewer.From(ctx)
	if v.Kind() != viewer.Person {
		return nil
	}
	edited := map[uuid.UUID]*ent.Message{}
	var ids []uuid.UUID
	for _, m := range messages {
		if m.EditedAt != nil && m.AuthorID != nil && *m.AuthorID != v.Account() {
			edited[m.ID], ids = m, append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := s.db.SQL.QueryContext(ctx, `
WITH kept AS (
	SELECT e.message_id, e.seq, e.body_before, e.edited_before, EXISTS (
		SELECT 1 FROM curtains x
		WHERE x.conversation_id = e.conversation_id AND x.lower_id = least($2, m.author_id) AND x.upper_id = greatest($2, m.author_id)
			AND x.from_seq < e.seq AND (x.until_seq IS NULL OR x.until_seq > e.seq)) AS hidden
	FROM conversation_entries e JOIN messages m ON m.id = e.message_id
	WHERE e.message_id = ANY ($1) AND e.body_before IS NOT NULL
), since AS (
	SELECT k.*, count(*) OVER (PARTITION BY k.message_id) AS edits, row_number() OVER (PARTITION BY k.message_id ORDER BY k.seq) AS n
	FROM kept k
	WHERE k.hidden AND NOT EXISTS (SELECT 1 FROM kept v WHERE v.message_id = k.message_id AND v.seq > k.seq AND NOT v.hidden)
)
SELECT m.id, m.deleted_at, m.version - coalesce(k.edits, 0),
	CASE WHEN m.deleted_at IS NOT NULL THEN NULL WHEN k.n IS NULL THEN m.body ELSE k.body_before END,
	CASE WHEN k.n IS NULL THEN m.edited_at ELSE k.edited_before END
FROM messages m LEFT JOIN since k ON k.message_id = m.id AND k.n = 1
WHERE m.id = ANY ($1)`, ids, v.Account())
	if err != nil {
		return fmt.Errorf("read texts as they are seen: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id uuid.UUID
		var version int
		var body *string
		var deletedAt, editedAt *time.Time
		if err := rows.Scan(&id, &deletedAt, &version, &body, &editedAt); err != nil {
			return fmt.Errorf("read a text as it is seen: %w", err)
		}
		m := edited[id]
		m.Body, m.DeletedAt, m.EditedAt, m.Version = body, deletedAt, editedAt, version
	}
	return rows.Err()
}
