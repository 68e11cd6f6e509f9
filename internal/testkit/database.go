package testkit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
)

// DatabaseURL is a migrated database of the test's own, dropped when it ends.
func DatabaseURL(t testing.TB) string {
	t.Helper()
	s, err := services()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	if _, err := template(); err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	return create(t, s.DatabaseURL, "TEMPLATE "+templateName())
}

// EmptyDatabaseURL is a database of the test's own without any table, dropped when it ends.
func EmptyDatabaseURL(t testing.TB) string {
	t.Helper()
	s, err := services()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	return create(t, s.DatabaseURL, "TEMPLATE template0")
}

// DB is an open, migrated database of the test's own.
func DB(t testing.TB) *db.DB {
	t.Helper()
	return Open(t, DatabaseURL(t))
}

// Open opens one more pool on a database and closes it when the test ends.
func Open(t testing.TB, databaseURL string) *db.DB {
	t.Helper()
	return open(t, databaseURL, nil)
}

// open is a pool whose statements are told.
func open(t testing.TB, databaseURL string, stated func(text string)) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), databaseURL, db.Options{MaxConns: 16, Stated: stated})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func create(t testing.TB, base, options string) string {
	t.Helper()
	admin, err := maintenance()
	if err != nil {
		t.Fatalf("open the maintenance database: %v", err)
	}
	var version int
	if err := admin.QueryRow("SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		t.Fatalf("ask PostgreSQL's version: %v", err)
	}
	if version >= 150000 {
		options += " STRATEGY FILE_COPY" // copies files instead of logging each page
	}
	name := fmt.Sprintf("convene_test_%d_%s", time.Now().Unix(), random())
	if _, err := admin.Exec("CREATE DATABASE " + name + " " + options); err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Logf("drop the test database: %v", err)
		}
	})
	return withDatabase(base, name)
}

// maintenance is a pool on the database that the services' URL names.
var maintenance = sync.OnceValues(func() (*sql.DB, error) {
	s, err := services()
	if err != nil {
		return nil, err
	}
	d, err := db.Open(context.Background(), s.DatabaseURL, db.Options{MaxConns: 8})
	if err != nil {
		return nil, err
	}
	return d.SQL, nil
})

// templateName is the name of the template for these very migrations.
var templateName = sync.OnceValue(func() string {
	sum := sha256.New()
	names, _ := fs.Glob(migrate.Files, "migrations/*.sql")
	for _, name := range names {
		body, _ := fs.ReadFile(migrate.Files, name)
		sum.Write(body)
	}
	_, _ = fmt.Fprint(sum, job.Version())
	return "convene_template_" + hex.EncodeToString(sum.Sum(nil))[:16]
})

// template makes the migrated template database, once for all processes of a run.
var template = sync.OnceValues(func() (string, error) {
	admin, err := maintenance()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	lock, err := admin.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock(774)"); err != nil {
		return "", err
	}
	defer func() { _, _ = lock.ExecContext(ctx, "SELECT pg_advisory_unlock(774)") }()
	name := templateName()
	var ready bool
	err = lock.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&ready)
	if err != nil || ready {
		return name, err
	}
	if err := prune(ctx, lock); err != nil {
		return "", err
	}
	// Migrated under another name, so that a run killed half-way leaves no half template.
	draft := "convene_test_" + fmt.Sprint(time.Now().Unix()) + "_draft_" + random()
	if _, err := lock.ExecContext(ctx, "CREATE DATABASE "+draft+" TEMPLATE template0"); err != nil {
		return "", err
	}
	s, _ := services()
	d, err := db.Open(ctx, withDatabase(s.DatabaseURL, draft), db.Options{MaxConns: 4})
	if err != nil {
		return "", err
	}
	err = d.Migrate(ctx, migrate.Files, nil, job.Migrate)
	_ = d.Close()
	if err != nil {
		return "", err
	}
	_, err = lock.ExecContext(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name)
	return name, err
})

// prune drops what runs that were killed left behind: test databases older than two hours.
func prune(ctx context.Context, lock *sql.Conn) error {
	rows, err := lock.QueryContext(ctx, `SELECT datname FROM pg_database
		WHERE datname ~ '^convene_test_[0-9]+_' AND split_part(datname, '_', 3)::bigint < $1`, time.Now().Add(-2*time.Hour).Unix())
	if err != nil {
		return err
	}
	stale, err := names(rows)
	if err != nil {
		return err
	}
	for _, name := range stale {
		if _, err := lock.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

func names(rows *sql.Rows) (all []string, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

func withDatabase(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.Path = "/" + name
	return u.String()
}

func random() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
