package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// tryLock asks for the advisory lock that one migrating node holds; its number is any fixed one. It has no
// parameters: with some, the finished query's portal would keep a snapshot until the next one.
const tryLock = "SELECT pg_try_advisory_xact_lock(7402331985)"

// outsideTx on a migration's first line makes it run without a transaction, as CREATE INDEX CONCURRENTLY
// needs. Such a file has one statement and can be run again.
const outsideTx = "-- outside a transaction"

// A migration is one file.
type migration struct {
	version  int
	name     string
	body     string
	checksum string
}

// Say tells whoever watches what is being done, in the manner of fmt.Printf; nil tells nobody.
type Say func(format string, args ...any)

// Others are migrations of a library's own tables.
type Others func(ctx context.Context, pool *sql.DB, log Say) error

// Migrate brings the database up to the newest of the files, and then does the others. Any number of nodes
// may call it at once: one works, the others wait. It refuses a database that is newer than the files, and
// files that were changed after they had been applied.
//
// The lock is taken in a transaction of its own that stays idle while the work happens on a second
// connection: a session's lock would leak behind PgBouncer, and waiting inside pg_advisory_lock holds a
// snapshot that CREATE INDEX CONCURRENTLY waits for.
func (d *DB) Migrate(ctx context.Context, files fs.FS, log Say, others ...Others) error {
	all, err := readMigrations(files)
	if err != nil {
		return err
	}
	lock, err := d.SQL.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin the lock's transaction: %w", err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return fmt.Errorf("keep the lock's transaction open: %w", err)
	}
	for {
		var got bool
		if err := lock.QueryRowContext(ctx, tryLock).Scan(&got); err != nil {
			return fmt.Errorf("lock the migrations: %w", err)
		}
		if got {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another node's migration: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := d.migrate(ctx, all, log); err != nil {
		return err
	}
	for _, other := range others {
		if err := other(ctx, d.SQL, log); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) migrate(ctx context.Context, all []migration, log Say) error {
	work, err := d.SQL.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the migration's connection: %w", err)
	}
	defer func() { _ = work.Close() }()
	if err := migrateOn(ctx, work, all, log); err != nil {
		return err
	}
	d.migrated.Store(int64(all[len(all)-1].version))
	return nil
}

func migrateOn(ctx context.Context, work *sql.Conn, all []migration, log Say) error {
	_, err := work.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		return fmt.Errorf("make the table of migrations: %w", err)
	}
	applied, err := appliedMigrations(ctx, work)
	if err != nil {
		return err
	}
	newest := all[len(all)-1].version
	for version, checksum := range applied {
		if version > newest {
			return fmt.Errorf("the database is at migration %d and this binary knows %d: run a newer binary", version, newest)
		}
		if m := all[version-1]; checksum != m.checksum {
			return fmt.Errorf("migration %s was changed after it had been applied: restore the file and write a new migration", m.name)
		}
	}
	for _, m := range all {
		if _, done := applied[m.version]; done {
			continue
		}
		if log != nil {
			log("Migrating the database: %s", m.name)
		}
		if err := apply(ctx, work, m); err != nil {
			return fmt.Errorf("apply migration %s: %w", m.name, err)
		}
	}
	return nil
}

func apply(ctx context.Context, work *sql.Conn, m migration) error {
	const note = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)"
	if strings.HasPrefix(m.body, outsideTx) {
		if _, err := work.ExecContext(ctx, m.body); err != nil {
			return err
		}
		_, err := work.ExecContext(ctx, note, m.version, m.name, m.checksum)
		return err
	}
	tx, err := work.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, m.body); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, note, m.version, m.name, m.checksum); err != nil {
		return err
	}
	return tx.Commit()
}

func appliedMigrations(ctx context.Context, work *sql.Conn) (map[int]string, error) {
	rows, err := work.QueryContext(ctx, "SELECT version, checksum FROM schema_migrations")
	if err != nil {
		return nil, fmt.Errorf("read the applied migrations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	applied := map[int]string{}
	for rows.Next() {
		var version int
		var checksum string
		if err := rows.Scan(&version, &checksum); err != nil {
			return nil, fmt.Errorf("read an applied migration: %w", err)
		}
		applied[version] = checksum
	}
	return applied, rows.Err()
}

// readMigrations reads files named 0001_what.sql; the numbers have no holes.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("read the migrations: there are none (%w)", err)
	}
	all := make([]migration, 0, len(names))
	for i, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read a migration: %w", err)
		}
		base := path.Base(name)
		number, _, _ := strings.Cut(base, "_")
		if version, err := strconv.Atoi(number); err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s should have the number %d", base, i+1)
		}
		sum := sha256.Sum256(body)
		all = append(all, migration{version: i + 1, name: base, body: string(body), checksum: hex.EncodeToString(sum[:])})
	}
	return all, nil
}

// MigrationState is how far the database is behind or ahead of the files.
func (d *DB) MigrationState(ctx context.Context, files fs.FS) (have, want int, err error) {
	all, err := readMigrations(files)
	if err != nil {
		return 0, 0, err
	}
	err = d.SQL.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_migrations").Scan(&have)
	if err != nil {
		return 0, 0, fmt.Errorf("read the applied migrations: %w", err)
	}
	return have, len(all), nil
}
