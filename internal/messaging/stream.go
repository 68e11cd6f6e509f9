package messaging

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/telemetry"
)

// kindSent is the kind of an entry that is a message itself; the other kinds are those of
// ConversationEntry.
const kindSent = "SENT"

// An entry is one number of a conversation's stream, as Redis carries it and PostgreSQL gives it. It has
// what a client may see of a message and of its author, so that rendering it needs no statement.
type entry struct {
	Kind    string               `json:"kind"`
	Message *streamed            `json:"message,omitempty"`
	Author  *profile.ProfileCard `json:"author,omitempty"`
	// Lower and Upper are the two that a curtain is drawn or lifted between.
	Lower uuid.UUID `json:"lower,omitzero"`
	Upper uuid.UUID `json:"upper,omitzero"`
	// Member is who joined or left.
	Member uuid.UUID `json:"member,omitzero"`
}

// streamed is a message without what only the database keeps of it.
type streamed struct {
	ID        uuid.UUID  `json:"id"`
	Seq       int64      `json:"seq"`
	AuthorID  *uuid.UUID `json:"authorId,omitempty"`
	Body      *string    `json:"body,omitempty"`
	ReplyToID *uuid.UUID `json:"replyToId,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`
	EditedAt  *time.Time `json:"editedAt,omitempty"`
	DeletedAt *time.Time `json:"deletedAt,omitempty"`
	Version   int        `json:"version"`
}

// update is the entry as the hub carries it.
func (e entry) update(seq int64) (live.Update, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return live.Update{}, fmt.Errorf("write a stream's entry: %w", err)
	}
	u := live.Update{Seq: seq, Hidden: e.Message == nil, Removes: e.Kind == conversationentry.KindDELETED.String(), Data: data}
	if e.Message != nil {
		u.Author, u.Subject, u.SubjectSeq = orNil(e.Message.AuthorID), e.Message.ID, e.Message.Seq
	}
	return u, nil
}

func entryOf(kind string, m *ent.Message, author *profile.ProfileCard) entry {
	return entry{Kind: kind, Author: author, Message: &streamed{
		ID: m.ID, Seq: m.Seq, AuthorID: m.AuthorID, Body: m.Body, ReplyToID: m.ReplyToID,
		CreatedAt: m.CreatedAt, EditedAt: m.EditedAt, DeletedAt: m.DeletedAt, Version: m.Version,
	}}
}

// message is the entry's message as everything else knows it.
func (e entry) message(conversation uuid.UUID) *ent.Message {
	m := &ent.Message{
		ID: e.Message.ID, ConversationID: conversation, Seq: e.Message.Seq, AuthorID: e.Message.AuthorID,
		Body: e.Message.Body, ReplyToID: e.Message.ReplyToID, CreatedAt: e.Message.CreatedAt,
		EditedAt: e.Message.EditedAt, DeletedAt: e.Message.DeletedAt, Version: e.Message.Version,
	}
	primeAuthor(m, e.Author)
	return m
}

// announceSent publishes messages that have been committed.
func (s *Service) announceSent(sent []appended) {
	conversations := make([]uuid.UUID, len(sent))
	for i, a := range sent {
		conversations[i] = a.message.ConversationID
	}
	s.facts.Noted(burstSent, conversations...)
	for _, a := range sent {
		u, err := entryOf(kindSent, a.message, a.author).update(a.message.Seq)
		if err != nil {
			continue // can't be: and if, the sweep finds the message
		}
		u.Trace = a.trace
		s.hub.Publish(streamOf(a.message.ConversationID), u)
		if s.sent != nil {
			s.sent(a.message)
		}
	}
}

// announceChange publishes a change of a message that has been committed: no matter who has gone away meanwhile, and if
// it can not be, the sweep finds it. It has happened in any case.
func (s *Service) announceChange(ctx context.Context, m *ent.Message, seq int64, kind conversationentry.Kind) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTime)
	defer cancel()
	author, err := s.Author(ctx, m)
	if err != nil {
		slog.DebugContext(ctx, "A change of a message is left to the sweep", "error", err)
		return
	}
	u, err := entryOf(kind.String(), m, author).update(seq)
	if err != nil {
		return // can't be
	}
	u.Trace = telemetry.Collected(ctx)
	s.hub.Publish(streamOf(m.ConversationID), u)
}

// announceTime is how long whoever has changed a message waits for it to be announced.
const announceTime = 2 * time.Second

// source reads conversations' streams from PostgreSQL, for every viewer alike: who may see what is
// judged where an update is delivered.
type source struct{ sql *sql.DB }

// Of each of some conversations the messages and the other entries after a number, with the head and the floor, in
// one statement and so in one snapshot. An edit or a deletion carries the message as it is now. Each conversation and
// each message is looked up by itself (OFFSET 0 keeps it so): for many of them the planner would rather read a whole
// table.
const streamSQL = `
SELECT c.id, c.seq, c.floor_seq, e.seq, e.kind, e.lower_id, e.upper_id, e.member_id,
	m.id, m.seq, m.author_id, m.body, m.reply_to_id, m.created_at, m.edited_at, m.deleted_at, m.version,
	m.username, m.display_name
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, after)
CROSS JOIN LATERAL (SELECT c.id, c.seq, c.floor_seq FROM conversations c WHERE c.id = k.id OFFSET 0) c
LEFT JOIN LATERAL (
	(SELECT m.seq, 'SENT' AS kind, m.id AS message_id, NULL::uuid AS lower_id, NULL::uuid AS upper_id, NULL::uuid AS member_id
	FROM messages m WHERE m.conversation_id = c.id AND m.seq > k.after ORDER BY m.seq LIMIT $3)
	UNION ALL
	(SELECT e.seq, e.kind, e.message_id, e.lower_id, e.upper_id, e.member_id
	FROM conversation_entries e WHERE e.conversation_id = c.id AND e.seq > k.after ORDER BY e.seq LIMIT $3)
	ORDER BY seq LIMIT $3
) e ON true
LEFT JOIN LATERAL (
	SELECT m.*, a.username, a.display_name FROM messages m LEFT JOIN profiles a ON a.id = m.author_id AND a.hidden_at IS NULL
	WHERE m.id = e.message_id OFFSET 0
) m ON true
ORDER BY c.id, e.seq`

// Read implements live.Source.
func (s source) Read(ctx context.Context, id uuid.UUID, after int64, limit int) (live.Reading, error) {
	readings, err := s.ReadAll(ctx, []live.Place{{ID: id, Seq: after}}, limit)
	if err != nil {
		return live.Reading{}, err
	}
	reading, ok := readings[id]
	if !ok {
		return live.Reading{}, fmt.Errorf("read a conversation's stream: %w", sql.ErrNoRows)
	}
	return reading, nil
}

// ReadAll implements live.Source.
func (s source) ReadAll(ctx context.Context, after []live.Place, limit int) (map[uuid.UUID]live.Reading, error) {
	ids, seqs := live.Arrays(after)
	rows, err := s.sql.QueryContext(ctx, streamSQL, ids, seqs, limit)
	if err != nil {
		return nil, fmt.Errorf("read conversations' streams: %w", err)
	}
	defer func() { _ = rows.Close() }()
	readings := make(map[uuid.UUID]live.Reading, len(after))
	for rows.Next() {
		var id uuid.UUID
		var head live.Head
		u, ok, err := scanEntry(rows, &id, &head)
		if err != nil {
			return nil, fmt.Errorf("read an entry of a conversation's stream: %w", err)
		}
		reading := readings[id]
		reading.Head = head
		if ok {
			reading.Updates = append(reading.Updates, u)
		}
		readings[id] = reading
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read conversations' streams: %w", err)
	}
	return readings, nil
}

func scanEntry(rows *sql.Rows, id *uuid.UUID, head *live.Head) (u live.Update, ok bool, err error) {
	var seq, messageSeq sql.NullInt64
	var kind, username, displayName *string
	var lower, upper, member, messageID *uuid.UUID
	var createdAt sql.NullTime
	var version sql.NullInt64
	m := &ent.Message{}
	err = rows.Scan(id, &head.Seq, &head.Floor, &seq, &kind, &lower, &upper, &member,
		&messageID, &messageSeq, &m.AuthorID, &m.Body, &m.ReplyToID, &createdAt, &m.EditedAt, &m.DeletedAt, &version,
		&username, &displayName)
	if err != nil || !seq.Valid {
		return u, false, err
	}
	e := entry{Kind: *kind, Lower: orNil(lower), Upper: orNil(upper), Member: orNil(member)}
	if messageID != nil {
		m.ID, m.Seq, m.CreatedAt, m.Version = *messageID, messageSeq.Int64, createdAt.Time, int(version.Int64)
		var author *profile.ProfileCard
		if username != nil {
			author = &profile.ProfileCard{Row: *m.AuthorID, Username: *username, DisplayName: *displayName}
		}
		e = entryOf(*kind, m, author)
	}
	u, err = e.update(seq.Int64)
	return u, err == nil, err
}

// movedSQL asks for the heads that are not the known ones, one by one for the reason above: a slice of the sweep asks
// about so many that the planner would rather read the whole table.
const movedSQL = `
SELECT k.id, c.seq
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, seq)
CROSS JOIN LATERAL (SELECT c.seq FROM conversations c WHERE c.id = k.id OFFSET 0) c
WHERE c.seq <> k.seq`

// Moved implements live.Source.
func (s source) Moved(ctx context.Context, known []live.Place) ([]live.Place, error) {
	return live.AskMoved(ctx, s.sql, movedSQL, known)
}
