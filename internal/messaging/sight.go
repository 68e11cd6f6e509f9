package messaging

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/internal/live"
)

// A membership is somebody's in a conversation.
type membership struct{ account, conversation uuid.UUID }

// A sight is what a member sees of a conversation's stream. It follows the hidden entries, which come in
// order with the rest: what is said behind a curtain can't overtake the drawing of it.
type sight struct {
	me       uuid.UUID
	head     int64 // of the stream, when the curtains were read
	joined   int64
	curtains []curtain
}

type curtain struct {
	other       uuid.UUID
	from, until int64 // until is 0 while it hangs
}

// readSights reads what members see, for all who come at once in one statement. Each row is of the account and the
// conversation that were asked for together: nobody is given a neighbour's.
func (s *Service) readSights(ctx context.Context, asked []membership) (map[membership]sight, error) {
	accounts, conversations := make([]uuid.UUID, len(asked)), make([]uuid.UUID, len(asked))
	for i, m := range asked {
		accounts[i], conversations[i] = m.account, m.conversation
	}
	rows, err := s.db.SQL.QueryContext(ctx, `
SELECT me.account_id, me.conversation_id, c.seq, me.joined_seq,
	CASE WHEN x.lower_id = me.account_id THEN x.upper_id ELSE x.lower_id END, x.from_seq, coalesce(x.until_seq, 0)
FROM unnest($1::uuid[], $2::uuid[]) AS asked (account_id, conversation_id)
JOIN conversation_members me ON me.conversation_id = asked.conversation_id AND me.account_id = asked.account_id
JOIN conversations c ON c.id = me.conversation_id
LEFT JOIN curtains x ON x.conversation_id = me.conversation_id AND me.account_id IN (x.lower_id, x.upper_id)
ORDER BY x.from_seq`, accounts, conversations)
	if err != nil {
		return nil, fmt.Errorf("read what members see: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := make(map[membership]sight, len(asked))
	for rows.Next() {
		var of membership
		var head, joined, until int64
		var other *uuid.UUID
		var from *int64
		if err := rows.Scan(&of.account, &of.conversation, &head, &joined, &other, &from, &until); err != nil {
			return nil, fmt.Errorf("read what a member sees: %w", err)
		}
		v := all[of]
		v.me, v.head, v.joined = of.account, head, joined
		if from != nil {
			v.curtains = append(v.curtains, curtain{other: *other, from: *from, until: until})
		}
		all[of] = v
	}
	return all, rows.Err()
}

// sees judges an update, in order, and follows the curtains.
func (v *sight) sees(u live.Update) bool {
	if u.Hidden {
		v.follow(u)
		return false
	}
	// Neither a message that is not to be seen nor what becomes of it.
	if u.Seq <= v.joined || u.SubjectSeq <= v.joined {
		return false
	}
	for _, c := range v.curtains {
		// What was written behind the curtain is hidden. To take away what was written before is not to write.
		if c.other == u.Author && (c.hides(u.SubjectSeq) || c.hides(u.Seq) && !u.Removes) {
			return false
		}
	}
	return true
}

// isApart tells whether there is, or ever was, a curtain between the member and somebody in this conversation: what
// is rendered for all may have a text of theirs that the member must not see.
func (v *sight) isApart(person uuid.UUID) bool {
	for _, c := range v.curtains {
		if c.other == person {
			return true
		}
	}
	return false
}

func (c curtain) hides(seq int64) bool {
	return c.from < seq && (c.until == 0 || seq < c.until)
}

func (v *sight) follow(u live.Update) {
	var e entry
	if json.Unmarshal(u.Data, &e) != nil {
		return
	}
	other := e.Lower
	switch v.me {
	case e.Lower:
		other = e.Upper
	case e.Upper:
	default:
		return
	}
	isDrawn := e.Kind == conversationentry.KindCURTAIN_DRAWN.String()
	for i, c := range v.curtains {
		switch {
		case c.other != other:
		case isDrawn && c.from == u.Seq:
			return // it was there when the sight was read
		case !isDrawn && c.until == 0 && c.from < u.Seq:
			// Not one that was drawn after: a replay passes the ends of older ones.
			v.curtains[i].until = u.Seq
			return
		}
	}
	if isDrawn {
		v.curtains = append(v.curtains, curtain{other: other, from: u.Seq})
	}
}
