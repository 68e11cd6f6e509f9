package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// attempts are all that are stored, oldest first, once those on their way are.
func (b bench) attempts(t *testing.T) []*ent.LoginAttempt {
	t.Helper()
	b.accounts.Close()
	rows, err := b.db.Ent.LoginAttempt.Query().Order(loginattempt.ByCreatedAt(), loginattempt.ByID()).All(system(t))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	t.Run("are stored with what came of them, and a hash of the name", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, account.Options{FailedSignIns: 2})
		ada := b.register(t, "ada")
		ctx := account.WithDevice(from(t, "203.0.113.77"), "Firefox")
		for _, try := range []struct{ login, password string }{
			{"ada", goodPassword}, {"Ada", "wrong one"}, {"nobody@example.com", "wrong one"}, {"ada", "wrong one"}, {"ada", goodPassword},
		} {
			b.clock.Add(time.Second)
			b.attempt(ctx, t, try.login, try.password)
		}
		rows := b.attempts(t)
		var got []string
		for _, row := range rows {
			of := "nobody's"
			if row.AccountID != nil && *row.AccountID == ada.Viewer.Account() {
				of = "ada's"
			}
			got = append(got, of+" "+row.Outcome.String()+" "+row.Network+" "+row.DeviceLabel)
		}
		want := []string{
			"ada's REGISTERED  ", "ada's SIGNED_IN 203.0.113.0/24 Firefox", "ada's FAILED 203.0.113.0/24 Firefox",
			"nobody's FAILED 203.0.113.0/24 Firefox", "ada's FAILED 203.0.113.0/24 Firefox", "nobody's THROTTLED 203.0.113.0/24 Firefox",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(rows) == 6 && (string(rows[1].IdentifierHash) != string(rows[2].IdentifierHash) || string(rows[2].IdentifierHash) == string(rows[3].IdentifierHash)) {
			t.Error("the hashes do not tell names apart")
		}
	})
	t.Run("are not changed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		if _, err := b.db.SQL.ExecContext(t.Context(), "UPDATE login_attempts SET outcome = 'FAILED'"); err == nil {
			t.Error("an attempt was changed")
		}
	})
	t.Run("are their owner's to see, page by page, for ninety days", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, bob := b.register(t, "ada"), b.register(t, "bob")
		for range 3 {
			b.clock.Add(time.Hour)
			b.attempt(from(t, "203.0.113.77"), t, "ada", "wrong one")
		}
		b.attempts(t)
		page, err := b.accounts.Attempts(as(t, ada), 3, nil)
		if err != nil || len(page.Nodes()) != 3 || !page.PageInfo.HasNextPage || page.Nodes()[0].CreatedAt.Before(page.Nodes()[1].CreatedAt) {
			t.Fatalf("got %+v, %v", page, err)
		}
		rest, err := b.accounts.Attempts(as(t, ada), 3, page.PageInfo.EndCursor)
		if err != nil || len(rest.Nodes()) != 1 || rest.Nodes()[0].Outcome != loginattempt.OutcomeREGISTERED {
			t.Errorf("got %+v, %v", rest, err)
		}
		if page, err := b.accounts.Attempts(as(t, bob), 3, nil); err != nil || len(page.Nodes()) != 1 {
			t.Errorf("bob sees %+v, %v", page, err)
		}
		b.clock.Add(91 * 24 * time.Hour)
		if page, err := b.accounts.Attempts(as(t, ada), 3, nil); err != nil || len(page.Nodes()) != 0 {
			t.Errorf("after ninety days got %+v, %v", page, err)
		}
		if err := b.accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rows := b.attempts(t); len(rows) != 0 {
			t.Errorf("%d are kept", len(rows))
		}
	})
	t.Run("say when somebody last signed in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		last := func() time.Time {
			t.Helper()
			b.accounts.Close()
			row, err := b.accounts.Mine(as(t, ada))
			if err != nil || row.LastLoginAt == nil {
				t.Fatalf("got %v, %v", row, err)
			}
			return *row.LastLoginAt
		}
		registered := last()
		b.clock.Add(time.Hour)
		b.attempt(t.Context(), t, "ada", "wrong one")
		if got := last(); !got.Equal(registered) {
			t.Errorf("a failure counts as signing in: %v", got)
		}
		b.signIn(t, "ada")
		if got := last(); got.Sub(registered) != time.Hour {
			t.Errorf("got %v, an hour after %v", got, registered)
		}
	})
}

func TestActivity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.mu.Lock()
	b.clock.now = time.Date(2026, 11, 20, 9, 59, 0, 0, time.UTC)
	b.clock.mu.Unlock()
	ada := b.register(t, "ada")
	b.attempt(t.Context(), t, "ada", "wrong one")
	b.clock.Add(time.Minute) // ten o'clock
	b.signIn(t, "ada")
	b.attempt(t.Context(), t, "nobody.here", "wrong one")
	b.clock.Add(2 * time.Hour)
	if _, err := b.accounts.GivePassword(viewer.AsOperator(t.Context()), account.GivePasswordInput{AccountID: idOf(ada)}); err != nil {
		t.Fatal(err)
	}
	b.attempts(t)
	admin := func(ctx context.Context) context.Context {
		return viewer.With(ctx, viewer.OfPerson(ada.Viewer.Account(), ada.Viewer.Session()).WithRole(viewer.RoleAdmin))
	}
	nine := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

	t.Run("counts by hour, without gaps", func(t *testing.T) {
		t.Parallel()
		ctx, statements := db.CountStatements(admin(t.Context()))
		got, err := b.accounts.Activity(ctx, nine.Add(time.Minute), nine.Add(5*time.Hour), account.PeriodHour)
		if err != nil || statements.Load() != 1 {
			t.Fatalf("%d statements, %v", statements.Load(), err)
		}
		want := []*account.SignInActivity{
			{At: nine, Attempts: 1, Failures: 1, Registrations: 1},
			{At: nine.Add(time.Hour), Attempts: 2, Successes: 1, Failures: 1},
			{At: nine.Add(2 * time.Hour)},
			{At: nine.Add(3 * time.Hour), Resets: 1},
			{At: nine.Add(4 * time.Hour)},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("counts by day, wherever the bounds' clocks are", func(t *testing.T) {
		t.Parallel()
		elsewhere := time.FixedZone("elsewhere", 9*3600)
		got, err := b.accounts.Activity(admin(t.Context()), nine.In(elsewhere), nine.AddDate(0, 0, 2).In(elsewhere), account.PeriodDay)
		if err != nil || len(got) != 3 || got[0].Attempts != 3 || got[0].At != nine.Truncate(24*time.Hour) || got[1].Attempts != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("is for admins, and bounded", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			ctx    context.Context
			length time.Duration
			want   fault.Code
		}{
			"nobody":    {t.Context(), time.Hour, fault.CodeUnauthenticated},
			"a user":    {as(t, ada), time.Hour, fault.CodeForbidden},
			"no time":   {admin(t.Context()), 0, fault.CodeBadRequest},
			"too much":  {admin(t.Context()), 1001 * time.Hour, fault.CodeBadRequest},
			"centuries": {admin(t.Context()), 1 << 62, fault.CodeBadRequest},
		} {
			_, err := b.accounts.Activity(c.ctx, nine, nine.Add(c.length), account.PeriodHour)
			if f, ok := err.(*fault.Error); !ok || f.Code != c.want { //nolint:errorlint // as it comes
				t.Errorf("%s: got %v, want %s", name, err, c.want)
			}
		}
	})
}
