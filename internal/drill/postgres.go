package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
)

// tools are PostgreSQL's own programs: a drill uses what an operator uses.
type tools struct{ folder string }

func (t tools) run(ctx context.Context, program string, args ...string) error {
	path := filepath.Join(t.folder, program)
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("run %s: %w\n%.2000s", program, err, out)
	}
	return nil
}

// backup writes a backup while everybody goes on.
func (t tools) backup(ctx context.Context, database, file string) error {
	return t.run(ctx, "pg_dump", "--format=custom", "--file="+file, "--dbname="+database)
}

// restoreInto makes a new database beside the given one and restores a backup into it.
func (t tools) restoreInto(ctx context.Context, database, file, name string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", fmt.Errorf("read the address of PostgreSQL: %w", err)
	}
	if err := t.run(ctx, "psql", "--no-psqlrc", "--quiet", "--dbname="+database, "--command=CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), t.run(ctx, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--dbname="+u.String(), file)
}

// emptyTables is what precedes a restore of data alone into tables that stay. Nothing else than a superuser who
// turns triggers off empties the audit log.
const emptyTables = `SET session_replication_role = replica; DO $$ BEGIN EXECUTE (
	SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables WHERE schemaname = 'public'
); END $$`

// restoreData puts a backup's data back into a database whose tables stay what they are.
func (t tools) restoreData(ctx context.Context, database, file string) error {
	if err := t.run(ctx, "psql", "--no-psqlrc", "--quiet", "--dbname="+database, "--command="+emptyTables); err != nil {
		return err
	}
	return t.run(ctx, "pg_restore", "--exit-on-error", "--single-transaction", "--data-only", "--disable-triggers", "--dbname="+database, file)
}
