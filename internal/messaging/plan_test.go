package messaging

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// However many streams a slice of the sweep has, each is looked up by its key: left to itself the planner reads the
// whole table instead, or all of the index.
func TestPlansOfTheSweep(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	ids := make([]uuid.UUID, 20_000)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
	}
	for _, fill := range []string{
		"INSERT INTO conversations (id, kind, seq) SELECT unnest($1::uuid[]), 'CIRCLE', 7",
		"INSERT INTO messages (id, conversation_id, seq, body) SELECT gen_random_uuid(), unnest($1::uuid[]), 7, 'hello'",
	} {
		if _, err := d.SQL.ExecContext(t.Context(), fill, ids); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.SQL.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	var places []live.Place
	for id := range slices.Values(ids[:6000]) {
		places = append(places, live.Place{ID: id, Seq: 7})
	}
	some, seqs := live.Arrays(places)
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"asking for the heads":    {movedSQL, []any{some, seqs}},
		"reading what was missed": {streamSQL, []any{some, seqs, 51}},
		"and what not to do":      {strings.NewReplacer("OFFSET 0", "").Replace(movedSQL), []any{some, seqs}},
	} {
		text := explain(t, d, c.query, c.args...)
		isByKey := strings.Contains(text, "Index Cond: (id = k.id)") && !strings.Contains(text, "Seq Scan on conversations") && !strings.Contains(text, "Seq Scan on messages")
		if want := name != "and what not to do"; isByKey != want {
			t.Errorf("%s: by key is %v, want %v:\n%s", name, isByKey, want, text)
		}
	}
}

func explain(t *testing.T, d *db.DB, query string, args ...any) string {
	t.Helper()
	rows, err := d.SQL.QueryContext(t.Context(), "EXPLAIN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
