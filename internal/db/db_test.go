package db_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// files are the real migrations and whatever a test adds or changes.
func files(t *testing.T, changes map[string]string) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(migrate.Files, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(migrate.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: body}
	}
	for name, body := range changes {
		all["migrations/"+name] = &fstest.MapFile{Data: []byte(body)}
	}
	return all
}

// next is the number of the migration after the real ones.
func next(t *testing.T) int { return len(files(t, nil)) + 1 }

func TestMigrate(t *testing.T) {
	t.Parallel()
	t.Run("several nodes at once apply each migration once", func(t *testing.T) {
		t.Parallel()
		url := testkit.EmptyDatabaseURL(t)
		var wait sync.WaitGroup
		var mu sync.Mutex
		var said []string
		for range 6 {
			d := testkit.Open(t, url)
			wait.Go(func() {
				err := d.Migrate(t.Context(), migrate.Files, func(format string, args ...any) {
					mu.Lock()
					defer mu.Unlock()
					said = append(said, fmt.Sprintf(format, args...))
				})
				if err != nil {
					t.Errorf("migrate: %v", err)
				}
			})
		}
		wait.Wait()
		if want := next(t) - 1; len(said) != want {
			t.Fatalf("%d migrations were applied, want %d: %q", len(said), want, said)
		}
	})
	t.Run("an index is built concurrently while another node waits", func(t *testing.T) {
		t.Parallel()
		url := testkit.DatabaseURL(t)
		more := files(t, map[string]string{
			fmt.Sprintf("%04d_index.sql", next(t)): "-- outside a transaction\nCREATE INDEX CONCURRENTLY extra ON messages (created_at);",
		})
		var wait sync.WaitGroup
		for range 2 {
			d := testkit.Open(t, url)
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if err := d.Migrate(ctx, more, nil); err != nil {
					t.Errorf("migrate: %v", err)
				}
			})
		}
		wait.Wait()
	})
	t.Run("a failing migration leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		d := testkit.DB(t)
		broken := files(t, map[string]string{fmt.Sprintf("%04d_broken.sql", next(t)): "CREATE TABLE half (id int); SELECT nonsense;"})
		if err := d.Migrate(t.Context(), broken, nil); err == nil || !strings.Contains(err.Error(), "broken.sql") {
			t.Fatalf("got %v, want an error that names the file", err)
		}
		var there bool
		if err := d.SQL.QueryRowContext(t.Context(), "SELECT to_regclass('half') IS NOT NULL").Scan(&there); err != nil || there {
			t.Fatalf("the table is there: %v, %v", there, err)
		}
	})
	t.Run("a file changed after it was applied is refused", func(t *testing.T) {
		t.Parallel()
		d := testkit.DB(t)
		err := d.Migrate(t.Context(), files(t, map[string]string{"0001_base.sql": "SELECT 1;"}), nil)
		if err == nil || !strings.Contains(err.Error(), "0001_base.sql was changed") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("an older binary refuses a newer database", func(t *testing.T) {
		t.Parallel()
		d := testkit.DB(t)
		newer := files(t, map[string]string{fmt.Sprintf("%04d_newer.sql", next(t)): "CREATE TABLE newer (id int);"})
		if err := d.Migrate(t.Context(), newer, nil); err != nil {
			t.Fatal(err)
		}
		err := d.Migrate(t.Context(), migrate.Files, nil)
		if err == nil || !strings.Contains(err.Error(), "run a newer binary") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a number left out is refused", func(t *testing.T) {
		t.Parallel()
		d := testkit.DB(t)
		err := d.Migrate(t.Context(), files(t, map[string]string{fmt.Sprintf("%04d_far.sql", next(t)+1): "SELECT 1;"}), nil)
		if err == nil || !strings.Contains(err.Error(), "should have the number") {
			t.Fatalf("got %v", err)
		}
	})
}

func TestDrift(t *testing.T) {
	t.Parallel()
	t.Run("the migrations make what ent/schema declares", func(t *testing.T) {
		t.Parallel()
		drift, err := testkit.DB(t).Drift(t.Context())
		if err != nil || drift != "" {
			t.Fatalf("%v\nrun `make migration name=…`; missing:\n%s", err, drift)
		}
	})
	t.Run("a column too many, one too few and a lost index are noticed", func(t *testing.T) {
		t.Parallel()
		for _, change := range []string{
			"ALTER TABLE messages ADD COLUMN mood text",
			"ALTER TABLE messages DROP COLUMN version",
			"DROP INDEX message_author_key",
		} {
			d := testkit.DB(t)
			if _, err := d.SQL.ExecContext(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			if drift, err := d.Drift(t.Context()); err != nil || drift == "" {
				t.Errorf("%s: not noticed (%v)", change, err)
			}
		}
	})
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	d := testkit.Open(t, url)
	epoch := func() string {
		t.Helper()
		e, err := d.Epoch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first := epoch()
	if again, _ := testkit.Open(t, url).Epoch(t.Context()); again != first {
		t.Fatalf("another connection sees %s, want %s", again, first)
	}
	if err := d.Tx(t.Context(), func(tx *ent.Tx) error { return db.NewEpoch(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	second := epoch()
	if second == first {
		t.Fatal("a new generation has the same epoch")
	}
	if other, _ := testkit.DB(t).Epoch(t.Context()); other == first || other == second {
		t.Fatal("another database has the same epoch")
	}
	// What pg_restore does to a table.
	if _, err := d.SQL.ExecContext(t.Context(), `ALTER TABLE conversation_entries RENAME TO old;
		CREATE TABLE conversation_entries (LIKE old)`); err != nil {
		t.Fatal(err)
	}
	if epoch() == second {
		t.Fatal("a table made anew has the same epoch")
	}
}

func TestDevSecret(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	one, err := d.DevSecret(t.Context())
	two, err2 := d.DevSecret(t.Context())
	if err != nil || err2 != nil || len(one) != 32 || string(one) != string(two) {
		t.Fatalf("got %d and %d bytes, %v, %v", len(one), len(two), err, err2)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"nobody listens":  "postgres://u:secret@127.0.0.1:1/convene?sslmode=disable",
		"no such socket":  "postgres:///convene?host=/nonexistent&user=u&password=secret",
		"not a port":      "postgres://u:secret@127.0.0.1:port/convene",
		"not a parameter": "postgres://u:secret@127.0.0.1/convene?sslmode=perhaps",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := db.Open(t.Context(), url, db.Options{})
			if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one sentence that names DATABASE_URL", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Fatalf("the sentence shows the password: %v", err)
			}
		})
	}
}
