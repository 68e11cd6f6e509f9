package job

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/convenehq/convene/internal/db"
)

// Migrate brings river's tables up to date. Give it to db.Migrate, which holds the lock of all migrations
// meanwhile. It refuses tables that are newer than this binary.
func Migrate(ctx context.Context, pool *sql.DB, log db.Say) error {
	migrator, newest, err := migrations(pool)
	if err != nil {
		return err
	}
	have, err := version(ctx, pool)
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("the database's tables of jobs are at version %d and this binary knows %d: run a newer binary", have, newest)
	}
	// Not in one transaction: one version adds a value to an enum that a later one uses.
	done, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return fmt.Errorf("migrate the tables of jobs: %w", err)
	}
	if log != nil && len(done.Versions) > 0 {
		log("Migrating the database: jobs, to version %d", newest)
	}
	return nil
}

// Version is that of river's tables which this binary makes.
func Version() int {
	_, newest, err := migrations(nil)
	if err != nil {
		return 0 // Migrate says why
	}
	return newest
}

func migrations(pool *sql.DB) (*rivermigrate.Migrator[*sql.Tx], int, error) {
	migrator, err := rivermigrate.New(riverdatabasesql.New(pool), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("read the migrations of jobs: %w", err)
	}
	all := migrator.AllVersions()
	return migrator, all[len(all)-1].Version, nil
}

// version is that of the database's tables; 0 if there are none.
func version(ctx context.Context, pool *sql.DB) (have int, err error) {
	var there bool
	if err := pool.QueryRowContext(ctx, "SELECT to_regclass('river_migration') IS NOT NULL").Scan(&there); err != nil {
		return 0, fmt.Errorf("look for the tables of jobs: %w", err)
	}
	if !there {
		return 0, nil
	}
	if err := pool.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM river_migration").Scan(&have); err != nil {
		return 0, fmt.Errorf("read the version of the tables of jobs: %w", err)
	}
	return have, nil
}
