package relay

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
)

// A Page is which part of a list is asked for.
type Page struct {
	// First is how many rows at most.
	First int
	// After is the cursor to continue behind; nil for the beginning.
	After *string
}

// NewPage checks the arguments of a connection.
func NewPage(first int, after *string) (Page, error) {
	if first < 1 || first > 100 {
		return Page{}, fault.BadRequest([]string{"first"}, "`first` is 1 to 100, not %d.", first)
	}
	return Page{First: first, After: after}, nil
}

// Limit is how many rows to read: one more than asked for, to know whether there is a next page.
func (p Page) Limit() int { return p.First + 1 }

// A Key is the place of a row in a list: what the list is sorted by. Lists are sorted by a moment or a
// number, or both, and by the row's id where those are not unique.
type Key struct {
	// Time is in microseconds, as PostgreSQL stores it.
	Time time.Time
	// Number is a number to sort by.
	Number int64
	// ID tells rows apart.
	ID uuid.UUID
}

// A List is which list a cursor belongs to. A cursor of another list is refused: it would silently give
// the wrong rows.
type List struct {
	// Name is the field, for example "messages".
	Name string
	// Of is the row that the list hangs on; the viewer's account for lists of theirs.
	Of uuid.UUID
}

const cursorVersion = 1

// Cursor is where the list continues behind the key. It is opaque to clients, exact when rows come and
// go, and tells nobody anything they have not seen.
func (l List) Cursor(k Key) string {
	b := make([]byte, 0, 2+len(l.Name)+16+8+8+16)
	b = append(b, cursorVersion, byte(len(l.Name)))
	b = append(b, l.Name...)
	b = append(b, l.Of[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(k.Time.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(k.Number))
	b = append(b, k.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Key reads a cursor of this list.
func (l List) Key(cursor string) (Key, error) {
	foreign := fault.BadRequest([]string{"after"}, "`after` is not a cursor of this list.")
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != 2+len(l.Name)+16+8+8+16 || b[0] != cursorVersion {
		return Key{}, foreign
	}
	n := 2 + len(l.Name)
	if int(b[1]) != len(l.Name) || string(b[2:n]) != l.Name || uuid.UUID(b[n:n+16]) != l.Of {
		return Key{}, foreign
	}
	b = b[n+16:]
	key := Key{
		Time:   time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(),
		Number: int64(binary.BigEndian.Uint64(b[8:])),
		ID:     uuid.UUID(b[16:32]),
	}
	// Forged: no row is from such a time, and PostgreSQL would not take it.
	if key.Time.Year() < 1 || key.Time.Year() > 9999 {
		return Key{}, foreign
	}
	return key, nil
}
