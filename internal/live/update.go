package live

import (
	"context"
	"encoding/binary"
	"errors"
	"sort"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/telemetry"
)

// A Key names a stream.
type Key struct {
	// Kind is what the stream belongs to, for example "conversation". A [Source] is registered for it.
	Kind string
	// ID is the row that the stream belongs to.
	ID uuid.UUID
}

// An Update is one numbered entry of a stream.
type Update struct {
	// Seq is its number. Numbers rise; holes mean nothing.
	Seq int64
	// Author is the account that wrote what the update is about; the zero id if nobody did. For its
	// author an update may be rendered differently.
	Author uuid.UUID
	// Subject is what the update is about. A later update of the same subject makes the earlier ones
	// stale: they are read from PostgreSQL again before they are replayed.
	Subject uuid.UUID
	// SubjectSeq is the number with which the subject came into the stream: who may not see that one may
	// not see what becomes of it.
	SubjectSeq int64
	// Hidden updates are for the Sees functions of subscribers alone and never delivered.
	Hidden bool
	// Removes tells that the update only takes something away, and shows nothing new.
	Removes bool
	// Data is what happened, in the words of the stream's kind.
	Data []byte
	// Trace names the span that the update comes from; nil if that is not collected.
	Trace *telemetry.SpanContext
}

// encode is the update as Redis carries it.
func (u Update) encode() []byte {
	b := make([]byte, 0, headLength+telemetry.CarriedLength+len(u.Data))
	b = binary.BigEndian.AppendUint64(b, uint64(u.Seq))
	b = append(b, u.Author[:]...)
	b = append(b, u.Subject[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(u.SubjectSeq))
	flags := byte(0)
	if u.Hidden {
		flags |= flagHidden
	}
	if u.Removes {
		flags |= flagRemoves
	}
	if u.Trace != nil {
		flags |= flagTraced
	}
	b = append(b, flags)
	if u.Trace != nil {
		b = telemetry.AppendCarried(b, u.Trace)
	}
	return append(b, u.Data...)
}

// headLength is the length of what stands before an update's data, or before the name of its span.
const headLength = 8 + 16 + 16 + 8 + 1

var errShort = errors.New("an update is longer than that")

func decodeUpdate(b []byte) (Update, error) {
	if len(b) < headLength {
		return Update{}, errShort
	}
	u := Update{
		Seq:        int64(binary.BigEndian.Uint64(b)),
		Author:     uuid.UUID(b[8:24]),
		Subject:    uuid.UUID(b[24:40]),
		SubjectSeq: int64(binary.BigEndian.Uint64(b[40:])),
		Hidden:     b[48]&flagHidden != 0,
		Removes:    b[48]&flagRemoves != 0,
		Data:       b[headLength:],
	}
	if b[48]&flagTraced != 0 {
		if len(u.Data) < telemetry.CarriedLength {
			return Update{}, errShort
		}
		u.Trace, u.Data = telemetry.ReadCarried(u.Data), u.Data[telemetry.CarriedLength:]
	}
	return u, nil
}

// A Head is how far a stream is.
type Head struct {
	// Seq is the last number taken.
	Seq int64
	// Floor is the number up to which updates are no longer all kept.
	Floor int64
}

// A Reading is part of a stream, read in one snapshot together with its head.
type Reading struct {
	Head
	// Updates follow the number that was asked for, in order.
	Updates []Update
}

// after are the updates above a number.
func (r Reading) after(seq int64) []Update {
	i := sort.Search(len(r.Updates), func(i int) bool { return r.Updates[i].Seq > seq })
	return r.Updates[i:]
}

// A Source reads streams of one kind from PostgreSQL.
type Source interface {
	// Read returns at most limit updates after a number, with the stream's head and floor, in one
	// snapshot.
	Read(ctx context.Context, id uuid.UUID, after int64, limit int) (Reading, error)
	// Moved returns the heads of those streams whose head is not the given one.
	Moved(ctx context.Context, heads map[uuid.UUID]int64) (map[uuid.UUID]Head, error)
}

// ItemKind is what kind of thing a subscriber is given.
type ItemKind int

// The kinds of item.
const (
	// Updated items are updates of the stream.
	Updated ItemKind = iota
	// Moved items only bring a newer cursor.
	Moved
	// Resync items tell the subscriber to refetch.
	Resync
)

// ResyncReason is why a subscriber has to refetch.
type ResyncReason string

// The only reasons there are.
const (
	// EpochChanged: the database is not the one that gave the cursor.
	EpochChanged ResyncReason = "EPOCH_CHANGED"
	// CursorTooOld: the cursor lies below what is kept.
	CursorTooOld ResyncReason = "CURSOR_TOO_OLD"
	// TooFarBehind: more is owed than is worth replaying.
	TooFarBehind ResyncReason = "TOO_FAR_BEHIND"
)

// An Item is one thing that a subscriber is given.
type Item struct {
	Kind ItemKind
	// Update is set on Updated items.
	Update Update
	// Reason is set on Resync items.
	Reason ResyncReason
	// Cursor is where the subscriber resumes behind this item.
	Cursor Cursor
}
