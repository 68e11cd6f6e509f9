package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/token"
)

// commands is the command line.
type commands struct {
	Dev     devCommand     `cmd:"" default:"1" help:"Come up for development: private services, demo people, GraphiQL. What runs without an argument."`
	Serve   serveCommand   `cmd:"" help:"Serve on the services that the settings name. Example: DATABASE_URL=… REDIS_URL=… CONVENE_KEYS=… CONVENE_ENV=production convene serve"`
	Migrate migrateCommand `cmd:"" help:"Bring the database up to date, or write a new migration. Example: convene migrate up"`
	Seed    seedCommand    `cmd:"" help:"Move the fictional demo people into a development database. Example: DATABASE_URL=… convene seed"`
	Config  configCommand  `cmd:"" help:"Print every setting, its value and where it comes from; secrets are hidden. Example: convene config --verbose"`
	Keys    keysCommand    `cmd:"" help:"Print a new key for CONVENE_KEYS. Example: CONVENE_KEYS=$(convene keys)"`
	Admin   adminCommand   `cmd:"" help:"Look after a running installation. Example: convene admin audit --since 24h"`
	Jobs    jobsCommand    `cmd:"" help:"Look after work that is done later, such as mails. Example: convene jobs list"`
	Facts   factsCommand   `cmd:"" help:"See what consumers of facts are at, and what they fail on. Example: convene facts parked"`
	Psql    psqlCommand    `cmd:"" passthrough:"" help:"Open psql on the private PostgreSQL of a running convene. Example: convene psql -c 'TABLE schema_migrations'"`
	Reset   resetCommand   `cmd:"" help:"Delete the private services' data and start afresh. Example: convene reset"`
	Version versionCommand `cmd:"" help:"Print which Convene this is. Example: convene version"`

	Healthcheck healthcheckCommand `cmd:"" hidden:"" help:"Ask the node at ADDR whether it answers; for an image without a shell. Example: convene healthcheck --ready"`
}

// run reads the settings and does what the command line says, until it is done or a signal comes.
func run(args []string) error {
	var c commands
	parser, err := kong.New(&c, kong.Name("convene"), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Description("A GraphQL backend for apps that bring people together in small groups."))
	if err != nil {
		return fmt.Errorf("read the command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return err
	}
	// Read only if the command asks for them: what is wrong with the settings must not keep one from
	// printing them, or a key for them.
	if err := parsed.BindToProvider(config.Load); err != nil {
		return fmt.Errorf("bind the settings: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run()
}

type devCommand struct{}

// Run comes up for development.
func (devCommand) Run(ctx context.Context, c config.Config) error {
	if c.IsProduction() {
		return errors.New("CONVENE_ENV is production: say `convene serve`")
	}
	return serve(ctx, c, true)
}

type serveCommand struct{}

// Run serves on the services that the settings name.
func (serveCommand) Run(ctx context.Context, c config.Config) error {
	if err := c.CheckServing(); err != nil {
		return err
	}
	return serve(ctx, c, false)
}

type configCommand struct {
	Verbose  bool `help:"Say besides what each is for."`
	Markdown bool `help:"Print docs/settings.md instead: every setting there is, whatever is set here."`
}

// Run prints the settings, and then what is wrong with them.
func (c configCommand) Run() error {
	if c.Markdown {
		return config.Markdown(os.Stdout)
	}
	settings, wrong := config.Load()
	if err := settings.Print(os.Stdout, c.Verbose); err != nil {
		return err
	}
	return wrong
}

type keysCommand struct{}

// Run prints a new key.
func (keysCommand) Run() error {
	_, err := fmt.Println(token.NewKey())
	return err
}

type migrateCommand struct {
	Up     migrateUp     `cmd:"" default:"1" help:"Apply what is missing. Any number of nodes may do it at once. Example: DATABASE_URL=… convene migrate up"`
	Status migrateStatus `cmd:"" help:"Say how far the database is. Example: DATABASE_URL=… convene migrate status"`
	New    migrateNew    `cmd:"" help:"Write a migration from what ent/schema declares beyond the present ones. Example: convene migrate new add_places"`
}

type migrateUp struct{}

// Run applies what is missing.
func (migrateUp) Run(ctx context.Context, c config.Config) error {
	return withDB(ctx, c, func(d *db.DB) error {
		return d.Migrate(ctx, migrate.Files, say, job.Migrate)
	})
}

type migrateStatus struct{}

// Run says how far the database is.
func (migrateStatus) Run(ctx context.Context, c config.Config) error {
	return withDB(ctx, c, func(d *db.DB) error {
		have, want, err := d.MigrationState(ctx, migrate.Files)
		if err != nil {
			return err
		}
		say("The database is at migration %d; this binary knows %d.", have, want)
		return nil
	})
}

// withDB opens the database that the settings name, or else that of the convene that runs here.
func withDB(ctx context.Context, c config.Config, do func(*db.DB) error) error {
	if c.DatabaseURL == "" {
		var err error
		if c.DatabaseURL, err = embedded.DatabaseURL(c.Data); err != nil {
			return fmt.Errorf("DATABASE_URL is not set, and %w", err)
		}
	}
	d, err := db.Open(ctx, c.DatabaseURL, db.Options{MaxConns: c.DatabaseConns})
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return do(d)
}

type psqlCommand struct {
	Args []string `arg:"" optional:"" help:"Passed on to psql."`
}

// Run becomes psql.
func (p psqlCommand) Run(c config.Config) error {
	path, args, err := embedded.PSQL(c.Data)
	if err != nil {
		return err
	}
	return syscall.Exec(path, append(append([]string{path}, args...), p.Args...), os.Environ())
}

type resetCommand struct{}

// Run deletes the private services' data.
func (resetCommand) Run(c config.Config) error {
	if err := embedded.Reset(c.Data); err != nil {
		return err
	}
	say("The data is gone. The next start begins afresh.")
	return nil
}

// say tells the person at the terminal something.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
