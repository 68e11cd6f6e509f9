package live

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
)

// A Cursor is a position in a stream. Clients see it sealed: what it says is nobody's business, since numbers that
// are hidden from a person could be counted otherwise.
type Cursor struct {
	Key Key
	// Epoch is the history of the database that the number belongs to.
	Epoch string
	Seq   int64

	// salt makes two cursors differ that say the same; 0 for those of updates, which are the same for everybody.
	salt   uint64
	sealer *sealer
	// text is the cursor sealed, if it has been.
	text string
}

const (
	// cursorPlain is the version of cursors that were not sealed.
	cursorPlain  = 1
	cursorSealed = 2
)

// salted is the cursor sealed as no other is: nobody can tell whether the stream has moved since the last one.
func (c Cursor) salted() Cursor {
	c.salt = rand.Uint64()
	return c
}

// sealed is the cursor with its text, for where that is asked for more than once.
func (c Cursor) sealed() Cursor {
	c.text = c.String()
	return c
}

// String is the cursor as clients keep it.
func (c Cursor) String() string {
	if c.sealer == nil || c.text != "" {
		return c.text
	}
	plain := make([]byte, 0, 16+len(c.Epoch))
	plain = binary.BigEndian.AppendUint64(plain, uint64(c.Seq))
	plain = binary.BigEndian.AppendUint64(plain, c.salt)
	plain = append(plain, c.Epoch...)
	return base64.RawURLEncoding.EncodeToString(c.sealer.seal([]byte{cursorSealed}, c.Key, plain))
}

// ParseCursor reads a cursor of the given stream; one of another stream, or anything else, is a bad request. One that
// this node can not open any more belongs to no epoch, so that its bearer is told to refetch.
func (h *Hub) ParseCursor(key Key, text string) (Cursor, error) {
	bad := fault.BadRequest([]string{"after"}, "`after` is not a cursor of these updates.")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 {
		return Cursor{}, bad
	}
	c := Cursor{Key: key, sealer: h.sealer}
	switch b[0] {
	case cursorPlain:
		if !isPlain(key, b) {
			return Cursor{}, bad
		}
		// It was given before cursors were sealed. Its number could be anything now, and what becomes of it would tell.
		return c, nil
	case cursorSealed:
	default:
		return Cursor{}, bad
	}
	plain, err := h.sealer.open(key, b[1:])
	switch {
	case errors.Is(err, errSealedElsewhere):
		return c, nil
	case err != nil || len(plain) < 16:
		return Cursor{}, bad
	}
	c.Seq, c.salt = int64(binary.BigEndian.Uint64(plain)), binary.BigEndian.Uint64(plain[8:])
	c.Epoch = string(plain[16:])
	return c, nil
}

// isPlain tells a cursor of the stream from before cursors were sealed: lengths, kind, epoch, id and number.
func isPlain(key Key, b []byte) bool {
	if len(b) < 3 {
		return false
	}
	kind, epoch := int(b[1]), int(b[2])
	b = b[3:]
	return len(b) == kind+epoch+24 && string(b[:kind]) == key.Kind && uuid.UUID(b[kind+epoch:][:16]) == key.ID
}
