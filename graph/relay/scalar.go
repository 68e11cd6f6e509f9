package relay

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/convenehq/convene/internal/fault"
)

// MarshalInt writes an Int.
func MarshalInt(i int) graphql.Marshaler { return graphql.MarshalInt(i) }

// UnmarshalInt reads an Int: a whole JSON number of 32 bits. gqlgen's own also takes "10".
func UnmarshalInt(v any) (int, error) {
	i, err := wholeNumber(v)
	return int(i), err
}

// MarshalInt64 writes an Int from a wider column.
func MarshalInt64(i int64) graphql.Marshaler { return graphql.MarshalInt64(i) }

// UnmarshalInt64 reads an Int into a wider column.
func UnmarshalInt64(v any) (int64, error) { return wholeNumber(v) }

func wholeNumber(v any) (int64, error) {
	var i int64
	switch v := v.(type) {
	case int:
		i = int64(v)
	case int64:
		i = v
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			return 0, fault.BadRequest(nil, "An Int is a whole number of 32 bits.")
		}
		i = n
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return 0, fault.BadRequest(nil, "An Int is a whole number of 32 bits.")
		}
		i = int64(v)
	default:
		return 0, fault.BadRequest(nil, "An Int is a whole number of 32 bits.")
	}
	if i < math.MinInt32 || i > math.MaxInt32 {
		return 0, fault.BadRequest(nil, "An Int is a whole number of 32 bits.")
	}
	return i, nil
}

// MarshalString writes a String.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads a String and refuses what PostgreSQL can't store or a screen can't show: invalid
// UTF-8, NUL, and control characters other than tab and line breaks.
func UnmarshalString(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fault.BadRequest(nil, "A String is wanted.")
	}
	if !utf8.ValidString(s) {
		return "", fault.BadRequest(nil, "The text is not valid UTF-8.")
	}
	if strings.ContainsFunc(s, isControl) {
		return "", fault.BadRequest(nil, "The text has control characters.")
	}
	return s, nil
}

func isControl(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	}
	return r < 0x20 || r >= 0x7f && r < 0xa0
}

// MarshalBoolean writes a Boolean.
func MarshalBoolean(b bool) graphql.Marshaler { return graphql.MarshalBoolean(b) }

// UnmarshalBoolean reads a Boolean. gqlgen's own also takes "true" and 1.
func UnmarshalBoolean(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, fault.BadRequest(nil, "A Boolean is true or false.")
	}
	return b, nil
}

// MarshalDateTime writes a moment in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		b := make([]byte, 0, 34)
		b = append(b, '"')
		b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.999999Z07:00")
		_, _ = w.Write(append(b, '"'))
	})
}

// UnmarshalDateTime reads RFC 3339 between the years 1 and 9999.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, fault.BadRequest(nil, "A DateTime is a string like 2026-11-20T09:30:00Z.")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1 {
		return time.Time{}, fault.BadRequest(nil, "A DateTime is a string like 2026-11-20T09:30:00Z.")
	}
	return t.UTC().Truncate(time.Microsecond), nil
}
