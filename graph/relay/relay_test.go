package relay_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
)

func anyUUID(rt *rapid.T, name string) uuid.UUID {
	return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, name))
}

func TestID(t *testing.T) {
	t.Parallel()
	t.Run("it is the text of the TypeID specification", func(t *testing.T) {
		t.Parallel()
		// https://github.com/jetify-com/typeid/blob/main/spec/valid.yml
		for text, row := range map[string]string{
			"prefix_00000000000000000000000000": "00000000-0000-0000-0000-000000000000",
			"prefix_0123456789abcdefghjkmnpqrs": "0110c853-1d09-52d8-d73e-1194e95b5f19",
			"prefix_01h455vb4pex5vsknk084sn02q": "01890a5d-ac96-774b-bcce-b302099a8057",
			"prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz": "ffffffff-ffff-ffff-ffff-ffffffffffff",
		} {
			if got := relay.NewID("prefix", uuid.MustParse(row)); string(got) != text {
				t.Errorf("%s is written %s, want %s", row, got, text)
			}
			if _, got, ok := relay.ID(text).Split(); !ok || got.String() != row {
				t.Errorf("%s is read %s, want %s", text, got, row)
			}
		}
	})
	t.Run("it can be read again, and sorts as its row does", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			a, b := anyUUID(rt, "a"), anyUUID(rt, "b")
			idA, idB := relay.NewID("message", a), relay.NewID("message", b)
			if prefix, row, ok := idA.Split(); !ok || prefix != "message" || row != a {
				rt.Fatalf("%s is read as %s %v", idA, prefix, row)
			}
			if strings.Compare(string(idA), string(idB)) != slices.Compare(a[:], b[:]) {
				rt.Fatalf("%s and %s sort otherwise than %v and %v", idA, idB, a, b)
			}
		})
	})
	t.Run("what is no id is refused", func(t *testing.T) {
		t.Parallel()
		good := string(relay.NewID("message", uuid.New()))
		for _, text := range []any{
			"", "message", "message_", "_" + good, strings.ToUpper(good), good + "0", good[:len(good)-1],
			"message_8zzzzzzzzzzzzzzzzzzzzzzzzz", "message_0000000000000000000000000l", "message_0000000000000000000000000é"[:33],
			7, nil,
			[]any{good},
			json.Number("7"),
		} {
			var id relay.ID
			err := id.UnmarshalGQL(text)
			if text == "_"+good { // an underscore may stand in a prefix
				continue
			}
			if code(err) != fault.CodeBadRequest {
				t.Errorf("%v: got %v", text, err)
			}
		}
	})
	t.Run("one of another type is refused where a type is wanted", func(t *testing.T) {
		t.Parallel()
		_, err := relay.NewID("profile", uuid.New()).Row("message", "input", "messageId")
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.CodeBadRequest || fmt.Sprint(f.Argument) != "[input messageId]" {
			t.Fatalf("got %v", err)
		}
	})
}

func code(err error) fault.Code {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func FuzzID(f *testing.F) {
	f.Add("message_01h455vb4pex5vsknk084sn02q")
	f.Add("_00000000000000000000000000")
	f.Fuzz(func(t *testing.T, text string) {
		if prefix, row, ok := relay.ID(text).Split(); ok && string(relay.NewID(prefix, row)) != text {
			t.Fatalf("%q and %q are the same id", text, relay.NewID(prefix, row))
		}
	})
}

func TestCursor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := relay.List{Name: rapid.StringN(0, 20, 60).Draw(rt, "name"), Of: anyUUID(rt, "of")}
		key := relay.Key{
			Time:   time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(rt, "time")).UTC(),
			Number: rapid.Int64().Draw(rt, "number"),
			ID:     anyUUID(rt, "id"),
		}
		cursor := list.Cursor(key)
		if got, err := list.Key(cursor); err != nil || got != key {
			rt.Fatalf("got %v, %v, want %v", got, err, key)
		}
		for _, other := range []relay.List{{Name: list.Name + "x", Of: list.Of}, {Name: list.Name, Of: uuid.New()}} {
			if _, err := other.Key(cursor); code(err) != fault.CodeBadRequest {
				rt.Fatalf("another list takes the cursor: %v", err)
			}
		}
	})
}

func TestACursorOfNoTimeIsRefused(t *testing.T) {
	t.Parallel()
	list := relay.List{Name: "inbox", Of: uuid.New()}
	for _, micros := range []int64{math.MinInt64, math.MaxInt64} {
		if _, err := list.Key(list.Cursor(relay.Key{Time: time.UnixMicro(micros)})); code(err) != fault.CodeBadRequest {
			t.Errorf("%d: got %v", micros, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	list := relay.List{Name: "messages"}
	f.Add(list.Cursor(relay.Key{Number: 3}))
	f.Add("AQ==")
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := list.Key(text); err == nil && list.Cursor(key) != text {
			t.Fatalf("%q and %q are the same cursor", text, list.Cursor(key))
		}
	})
}

func TestConnection(t *testing.T) {
	t.Parallel()
	name := func(i int) string { return fmt.Sprint("cursor ", i) }
	t.Run("one row more than asked for tells of a next page", func(t *testing.T) {
		t.Parallel()
		page, err := relay.NewPage(2, nil)
		if err != nil || page.Limit() != 3 {
			t.Fatalf("got %v, %v", page, err)
		}
		c := relay.NewConnection(page, []int{1, 2, 3}, name)
		if !c.PageInfo.HasNextPage || *c.PageInfo.EndCursor != "cursor 2" || !slices.Equal(c.Nodes(), []int{1, 2}) {
			t.Fatalf("got %v", c)
		}
		c = relay.NewConnection(page, []int{1, 2}, name)
		if c.PageInfo.HasNextPage || len(c.Edges) != 2 {
			t.Fatalf("got %v", c)
		}
	})
	t.Run("an empty page ends nowhere", func(t *testing.T) {
		t.Parallel()
		c := relay.NewConnection(relay.Page{First: 2}, nil, name)
		if c.PageInfo.HasNextPage || c.PageInfo.EndCursor != nil || c.Edges == nil || c.Nodes() == nil {
			t.Fatalf("got %v", c)
		}
	})
	t.Run("first is 1 to 100", func(t *testing.T) {
		t.Parallel()
		for _, first := range []int{-1, 0, 101} {
			if _, err := relay.NewPage(first, nil); code(err) != fault.CodeBadRequest {
				t.Errorf("%d: got %v", first, err)
			}
		}
	})
}

func TestScalarsAreStrict(t *testing.T) {
	t.Parallel()
	ints := func(v any) error { _, err := relay.UnmarshalInt(v); return err }
	texts := func(v any) error { _, err := relay.UnmarshalString(v); return err }
	bools := func(v any) error { _, err := relay.UnmarshalBoolean(v); return err }
	times := func(v any) error { _, err := relay.UnmarshalDateTime(v); return err }
	for _, c := range []struct {
		name string
		read func(any) error
		good []any
		bad  []any
	}{
		{"Int", ints, []any{0, int64(7), json.Number("-2147483648"), 3.0}, []any{"10", 1.5, int64(1) << 31, json.Number("1e3"), json.Number("99999999999999999999"), true, nil}},
		{"String", texts, []any{"", "a\tb\r\n", "🥪"}, []any{"a\x00b", "\xff", "\x1b[2J", "\u0085", 7, nil}},
		{"Boolean", bools, []any{true, false}, []any{"true", 1, nil}},
		{
			"DateTime", times,
			[]any{"2026-11-20T09:30:00Z", "2026-11-20T09:30:00.123456+01:00"},
			[]any{"2026-11-20", "2026-13-20T09:30:00Z", "0000-01-01T00:00:00Z", "now", 7, nil},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, v := range c.good {
				if err := c.read(v); err != nil {
					t.Errorf("%v is refused: %v", v, err)
				}
			}
			for _, v := range c.bad {
				if err := c.read(v); code(err) != fault.CodeBadRequest {
					t.Errorf("%v is taken: %v", v, err)
				}
			}
		})
	}
	t.Run("a moment is written in UTC and read again", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			want := time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(rt, "moment")).UTC()
			var b strings.Builder
			relay.MarshalDateTime(want.In(time.FixedZone("somewhere", 3600))).MarshalGQL(&b)
			got, err := relay.UnmarshalDateTime(strings.Trim(b.String(), `"`))
			if err != nil || !got.Equal(want) {
				rt.Fatalf("%s is read as %v, want %v (%v)", b.String(), got, want, err)
			}
		})
	})
}
