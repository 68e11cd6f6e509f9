package live

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
)

// A Cursor is a position in a stream. Clients see it as an opaque text.
type Cursor struct {
	Key Key
	// Epoch is the history of the database that the number belongs to.
	Epoch string
	Seq   int64
}

const cursorVersion = 1

// String is the cursor as clients keep it.
func (c Cursor) String() string {
	b := make([]byte, 0, 3+len(c.Key.Kind)+len(c.Epoch)+24)
	b = append(b, cursorVersion, byte(len(c.Key.Kind)), byte(len(c.Epoch)))
	b = append(b, c.Key.Kind...)
	b = append(b, c.Epoch...)
	b = append(b, c.Key.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq))
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor of the given stream; one of another stream, or anything else, is a bad
// request.
func ParseCursor(key Key, text string) (Cursor, error) {
	bad := fault.BadRequest([]string{"after"}, "`after` is not a cursor of these updates.")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 3 || b[0] != cursorVersion {
		return Cursor{}, bad
	}
	kind, epoch := int(b[1]), int(b[2])
	b = b[3:]
	if len(b) != kind+epoch+24 {
		return Cursor{}, bad
	}
	c := Cursor{Epoch: string(b[kind : kind+epoch])}
	c.Key.Kind = string(b[:kind])
	b = b[kind+epoch:]
	c.Key.ID = uuid.UUID(b[:16])
	c.Seq = int64(binary.BigEndian.Uint64(b[16:]))
	if c.Key != key || c.Seq < 0 {
		return Cursor{}, bad
	}
	return c, nil
}
