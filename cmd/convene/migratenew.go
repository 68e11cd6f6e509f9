package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/embedded"
)

type migrateNew struct {
	Name string `arg:"" help:"What it does, in words joined by _."`
}

var migrationName = regexp.MustCompile(`^[a-z][a-z0-9_]{2,60}$`)

// Run compares ent/schema with what the present migrations make of an empty database, and writes the
// difference as the next migration, to be read and completed by hand.
func (n migrateNew) Run(ctx context.Context) error {
	if !migrationName.MatchString(n.Name) {
		return fmt.Errorf("%q is no name for a migration: use small letters, digits and _", n.Name)
	}
	const folder = "ent/migrate/migrations"
	present, err := filepath.Glob(filepath.Join(folder, "*.sql"))
	if err != nil || len(present) == 0 {
		return fmt.Errorf("there are no migrations in %s: run this at the top of the checkout", folder)
	}
	services, err := embedded.Start(ctx, embedded.Options{NeedPG: true, Throwaway: true, Log: say})
	if err != nil {
		return err
	}
	defer func() { _ = services.Close() }()
	d, err := db.Open(ctx, services.DatabaseURL, db.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(ctx, migrate.Files, nil); err != nil {
		return err
	}
	drift, err := d.Drift(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, fmt.Sprintf("%04d_%s.sql", len(present)+1, n.Name))
	if err := os.WriteFile(path, []byte("-- Say what this is for.\n\n"+drift), 0o644); err != nil {
		return fmt.Errorf("write the migration: %w", err)
	}
	say("Wrote %s. Read it, add what ent does not declare, and run the tests.", path)
	return nil
}
