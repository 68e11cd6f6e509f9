package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/convenehq/convene/internal/db"
)

// backend is what PostgreSQL says of itself.
type backend struct {
	version, fsync, synchronousCommit string
	// programs is the folder of its programs, data that of its data.
	programs, data string
}

func askBackend(ctx context.Context, d *db.DB) (backend, error) {
	var f backend
	err := d.SQL.QueryRowContext(ctx, `
SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'),
	(SELECT setting FROM pg_config WHERE name = 'BINDIR'), current_setting('data_directory')`).
		Scan(&f.version, &f.fsync, &f.synchronousCommit, &f.programs, &f.data)
	if err != nil {
		return f, fmt.Errorf("ask PostgreSQL what it is: %w", err)
	}
	return f, nil
}

// processorTime is what PostgreSQL has used, with all its processes.
func (f backend) processorTime() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(f.data, "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0, fmt.Errorf("read the number of PostgreSQL's process: %w", err)
	}
	return processorTime(pid)
}

// makePlainTable makes a table whose rows are like messages, with a key and nothing else: the fastest way
// to put as much on disk one row at a time.
func makePlainTable(ctx context.Context, d *db.DB) error {
	_, err := d.SQL.ExecContext(ctx, `
CREATE TABLE IF NOT EXISTS bench_rows (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	conversation_id uuid NOT NULL, seq bigint NOT NULL, author_id uuid, idempotency_key varchar, input_mac bytea,
	body text, version bigint NOT NULL DEFAULT 1)`)
	if err != nil {
		return fmt.Errorf("make a plain table: %w", err)
	}
	return nil
}

// analyze tells the planner what it would know of tables that had not been filled a moment ago.
func analyze(ctx context.Context, d *db.DB) error {
	if _, err := d.SQL.ExecContext(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("analyze the tables: %w", err)
	}
	return nil
}
