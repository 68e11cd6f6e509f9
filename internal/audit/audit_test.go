package audit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/privacy"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func write(ctx context.Context, d *db.DB, e audit.Entry) error {
	return d.Tx(ctx, func(tx *ent.Tx) error { return audit.Write(ctx, tx, e) })
}

func banned(who uuid.UUID, at time.Time) audit.Entry {
	return audit.Entry{
		Action: audit.AccountBanned, Target: audit.Target{Kind: ent.AccountPrefix, ID: who}, Account: who,
		Diff: audit.Diff{"ban_reason": audit.FromTo(nil, "spam")}, At: at,
	}
}

func list(t *testing.T, d *db.DB, f audit.Filter) []*ent.AuditEntry {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	rows, err := audit.List(viewer.AsOperator(t.Context()), d.Ent, f)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestWrite(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	ada, grace := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	person := viewer.With(t.Context(), viewer.OfPerson(grace, uuid.New()).WithRole(viewer.RoleAdmin))
	for kind, ctx := range map[string]context.Context{
		"PERSON": person, "OPERATOR": viewer.AsOperator(t.Context()), "SYSTEM": viewer.AsSystem(t.Context(), "test"),
	} {
		if err := write(telemetry.WithRequestID(ctx, "req_"+kind), d, banned(ada, time.Time{})); err != nil {
			t.Fatal(err)
		}
		e := list(t, d, audit.Filter{Limit: 1})[0]
		if string(e.ActorKind) != kind || e.RequestID != "req_"+kind || (e.ActorID != nil) != (kind == "PERSON") {
			t.Errorf("got %v", e)
		}
		if e.ActorID != nil && *e.ActorID != grace {
			t.Errorf("it was %v", *e.ActorID)
		}
		if age := time.Since(e.CreatedAt); age < 0 || age > time.Minute || e.EndsAt.Sub(e.CreatedAt) != audit.Kept {
			t.Errorf("it is of %v and ends at %v", e.CreatedAt, e.EndsAt)
		}
		if change, _ := e.Diff["ban_reason"].(map[string]any); change["from"] != nil || change["to"] != "spam" {
			t.Errorf("the diff is %v", e.Diff)
		}
	}
	t.Run("goes with the transaction that it tells of", func(t *testing.T) {
		t.Parallel()
		bob := uuid.New()
		gone := errors.New("gone")
		err := d.Tx(t.Context(), func(tx *ent.Tx) error {
			if err := audit.Write(person, tx, banned(bob, time.Time{})); err != nil {
				t.Error(err)
			}
			return gone
		})
		if rows := list(t, d, audit.Filter{Account: bob}); !errors.Is(err, gone) || len(rows) != 0 {
			t.Errorf("got %v, %v", rows, err)
		}
	})
	t.Run("refuses what nobody did, what says nothing, and secrets", func(t *testing.T) {
		t.Parallel()
		shown := banned(ada, time.Time{})
		shown.Diff = audit.Diff{"password_hash": audit.FromTo("old", "new")}
		for name, err := range map[string]error{
			"nobody":      write(t.Context(), d, banned(ada, time.Time{})),
			"an audience": write(viewer.With(t.Context(), viewer.OfAudience(uuid.New(), false)), d, banned(ada, time.Time{})),
			"no action":   write(person, d, audit.Entry{Target: audit.Target{Kind: "account"}}),
			"no target":   write(person, d, audit.Entry{Action: audit.AccountBanned}),
			"a secret":    write(person, d, shown),
		} {
			if err == nil || strings.Contains(err.Error(), "old") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		shown.Diff = audit.Diff{"password": audit.Hidden()}
		shown.Account = uuid.New()
		if err := write(person, d, shown); err != nil {
			t.Fatal(err)
		}
		if e := list(t, d, audit.Filter{Account: shown.Account})[0]; e.Diff["password"] != "changed" {
			t.Errorf("got %v", e.Diff)
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	ada, grace := uuid.New(), uuid.New()
	now := time.Now()
	byGrace := viewer.With(t.Context(), viewer.OfPerson(grace, uuid.New()))
	for _, ago := range []time.Duration{3 * time.Hour, time.Hour, 2 * time.Hour} {
		if err := write(byGrace, d, banned(ada, now.Add(-ago))); err != nil {
			t.Fatal(err)
		}
	}
	ages := func(f audit.Filter) (hours []int) {
		for _, e := range list(t, d, f) {
			hours = append(hours, int(now.Sub(e.CreatedAt).Round(time.Hour).Hours()))
		}
		return hours
	}
	for name, c := range map[string]struct {
		filter audit.Filter
		want   []int
	}{
		"all, the latest first":     {audit.Filter{}, []int{1, 2, 3}},
		"what was done to somebody": {audit.Filter{Account: ada}, []int{1, 2, 3}},
		"what somebody did":         {audit.Filter{Account: grace, Limit: 2}, []int{1, 2}},
		"of a stranger nothing":     {audit.Filter{Account: uuid.New()}, nil},
		"what is not older":         {audit.Filter{Since: now.Add(-2*time.Hour - time.Minute)}, []int{1, 2}},
	} {
		if got := ages(c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for name, v := range map[string]viewer.Viewer{
		"nobody": {}, "a person": viewer.OfPerson(ada, uuid.New()),
		"a moderator": viewer.OfPerson(ada, uuid.New()).WithRole(viewer.RoleModerator),
	} {
		if _, err := audit.List(viewer.With(t.Context(), v), d.Ent, audit.Filter{Limit: 1}); !errors.Is(err, privacy.Deny) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEntriesStay(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	ctx := viewer.AsSystem(t.Context(), "test")
	ada, old := uuid.New(), uuid.New()
	now := time.Now()
	if err := errors.Join(write(ctx, d, banned(ada, now)), write(ctx, d, banned(old, now.Add(-audit.Kept)))); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE audit_entries SET action = 'nothing'", "UPDATE audit_entries SET ends_at = now()",
		"DELETE FROM audit_entries", "TRUNCATE audit_entries",
	} {
		if _, err := d.SQL.ExecContext(ctx, statement); err == nil || !strings.Contains(err.Error(), "audit entries are not changed") {
			t.Errorf("%s: got %v", statement, err)
		}
	}
	if _, err := d.Ent.AuditEntry.Delete().Exec(ctx); err == nil {
		t.Error("the system deletes what is not due")
	}
	early := audit.Sweeper{Client: d.Ent, Clock: func() time.Time { return now.Add(-time.Minute) }}
	if err := early.Sweep(t.Context()); err != nil || len(list(t, d, audit.Filter{})) != 2 {
		t.Errorf("a minute too early: %v", err)
	}
	if err := (audit.Sweeper{Client: d.Ent}).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := list(t, d, audit.Filter{}); len(rows) != 1 || *rows[0].AccountID != ada {
		t.Errorf("left are %v", rows)
	}
}
