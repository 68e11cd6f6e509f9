package personal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/ent/personal"
)

// Code generation fails for a field that declares nothing. This holds that what it wrote down is whole, and
// that nobody declared a reader or a retention in passing.
func TestEveryColumnIsDeclared(t *testing.T) {
	t.Parallel()
	columns := 0
	for _, table := range migrate.Tables {
		columns += len(table.Columns)
	}
	if len(ent.PersonalFields) != columns {
		t.Fatalf("%d fields are declared, and the tables have %d columns", len(ent.PersonalFields), columns)
	}
	readers := []personal.Reader{personal.RowReader, personal.Owner, personal.Code}
	for name, f := range ent.PersonalFields {
		if f.Purpose == "" || f.Retention == "" || !slices.Contains(readers, f.Reader) {
			t.Errorf("%s declares %+v", name, f)
		}
		if strings.Contains(name, "password") && f.Reader != personal.Code {
			t.Errorf("%s may be read by %s", name, f.Reader)
		}
	}
}
