// Package relay has what the Relay conventions ask of every slice: global ids, keyset cursors,
// connections, and the strict scalars of the schema. It is a leaf that slices may import.
package relay

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
)

// An ID is a global id: a prefix that names the type and a UUIDv7 in base32, as in the TypeID
// specification (https://github.com/jetify-com/typeid/tree/main/spec), for example
// message_01k3yvafbre5b8ck8k5fpn6a1r. It sorts by time and never changes.
type ID string

// alphabet is Crockford's base32 in lower case; strict: no aliases for o, i and l, so that an id has one
// spelling only.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const suffixLength = 26

var digits = func() (d [256]byte) {
	for i := range d {
		d[i] = 0xff
	}
	for i, c := range []byte(alphabet) {
		d[c] = byte(i)
	}
	return d
}()

// NewID makes the global id of a row.
func NewID(prefix string, id uuid.UUID) ID {
	var out [suffixLength]byte
	// 26 digits of 5 bits are 130 bits; the first digit holds the top 3 bits of the 128.
	acc, bits, n := uint32(0), 2, 0
	for _, b := range id {
		acc = acc<<8 | uint32(b)
		bits += 8
		for bits >= 5 {
			bits -= 5
			out[n] = alphabet[acc>>bits&31]
			n++
		}
	}
	return ID(prefix + "_" + string(out[:]))
}

// Split takes an id apart into its prefix and the row's id.
func (id ID) Split() (prefix string, row uuid.UUID, ok bool) {
	at := strings.LastIndexByte(string(id), '_')
	if at < 1 || len(id)-at-1 != suffixLength {
		return "", uuid.Nil, false
	}
	suffix := id[at+1:]
	if suffix[0] > '7' { // more than 128 bits
		return "", uuid.Nil, false
	}
	acc, bits, n := uint32(0), -2, 0
	for i := range suffixLength {
		d := digits[suffix[i]]
		if d == 0xff {
			return "", uuid.Nil, false
		}
		acc = acc<<5 | uint32(d)
		bits += 5
		if bits >= 8 {
			bits -= 8
			row[n] = byte(acc >> bits)
			n++
		}
	}
	return string(id[:at]), row, true
}

// Row is the row's id if the id has this prefix; otherwise an error that names the argument.
func (id ID) Row(prefix string, argument ...string) (uuid.UUID, error) {
	got, row, ok := id.Split()
	if !ok {
		return uuid.Nil, fault.BadRequest(argument, "This is not an id.")
	}
	if got != prefix {
		return uuid.Nil, fault.BadRequest(argument, "This is the id of a %s; one of a %s is wanted.", clip(got), prefix)
	}
	return row, nil
}

// MarshalGQL writes the id.
func (id ID) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(id))) }

// UnmarshalGQL reads an id and refuses what can't be one.
func (id *ID) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return fault.BadRequest(nil, "An id is a string.")
	}
	if _, _, ok := ID(s).Split(); !ok {
		return fault.BadRequest(nil, "This is not an id.")
	}
	*id = ID(s)
	return nil
}

func clip(s string) string {
	if len(s) > 30 {
		return fmt.Sprintf("%.30s…", s)
	}
	return s
}
