package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"

	"github.com/convenehq/convene/ent"
	_ "github.com/convenehq/convene/ent/runtime" // ent's policies take effect only with it
)

// DB is an open database.
type DB struct {
	// Ent reads and writes entities under the viewer's policies.
	Ent *ent.Client
	// SQL runs statements by hand, past ent's policies: in the files that internal/arch lists.
	SQL *sql.DB

	migrated atomic.Int64 // the newest migration, for Report
}

// Options limit the connections.
type Options struct {
	// MaxConns is how many connections are open at most; 0 means 32.
	MaxConns int
	// Connected is called after each new connection; nil for nobody.
	Connected func()
	// Stated is told the text of each statement, whoever's it is; nil for nobody. It must not wait.
	Stated func(text string)
}

// Open connects to the database. What it answers when that fails is a sentence for whoever starts Convene.
func Open(ctx context.Context, address string, o Options) (*DB, error) {
	c, err := newConnector(address, o)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL can not be read (%s): it looks like postgres://user:password@host:5432/database", withoutURL(err))
	}
	if o.MaxConns == 0 {
		o.MaxConns = 32
	}
	pool := sql.OpenDB(c)
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("PostgreSQL does not answer at %s (%w): start it, or set DATABASE_URL to where it is", where(address), err)
	}
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, pool)))
	client.Intercept(ent.InterceptFunc(joinQueried))
	client.Use(joinWritten)
	return &DB{Ent: client, SQL: pool}, nil
}

// joinQueried makes the rows of every query siblings: what one of them needs is fetched for all.
func joinQueried(next ent.Querier) ent.Querier {
	return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
		v, err := next.Query(ctx, q)
		ent.JoinSiblings(v)
		return v, err
	})
}

func joinWritten(next ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
		v, err := next.Mutate(ctx, m)
		ent.JoinSiblings(v)
		return v, err
	})
}

// Close ends all connections.
func (d *DB) Close() error { return d.SQL.Close() }

// Tx runs one unit of work: all of it or nothing, and once more from the start if PostgreSQL chose it as
// the victim of a deadlock. What must follow the commit follows Tx; it has no place inside.
func (d *DB) Tx(ctx context.Context, work func(tx *ent.Tx) error) error {
	const tries = 4
	for try := 1; ; try++ {
		err := d.once(ctx, work)
		if try == tries || !IsDeadlock(err) {
			return err
		}
	}
}

func (d *DB) once(ctx context.Context, work func(tx *ent.Tx) error) (err error) {
	tx, err := d.Ent.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			_ = tx.Rollback()
			panic(p)
		}
		if err != nil {
			// The error of the work says more than that of a rollback on a broken connection.
			_ = tx.Rollback()
		}
	}()
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// AfterCommit has something done once a transaction has committed, and not at all if it does not.
func AfterCommit(tx *ent.Tx, do func()) {
	tx.OnCommit(func(next ent.Committer) ent.Committer {
		return ent.CommitFunc(func(ctx context.Context, tx *ent.Tx) error {
			err := next.Commit(ctx, tx)
			if err == nil {
				do()
			}
			return err
		})
	})
}

// where names the server of a database URL without its password.
func where(address string) string {
	cfg, err := pq.NewConfig(address)
	if err != nil {
		return "the address in DATABASE_URL"
	}
	return fmt.Sprintf("%s:%d/%s", cfg.Host, cfg.Port, cfg.Database)
}

// withoutURL is why a URL could not be read, without the URL: it may hold a password.
func withoutURL(err error) string {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err.Error()
	}
	return err.Error()
}

// ErrNoRows is what a statement by hand answers when it found none.
var ErrNoRows = sql.ErrNoRows

// IsNotFound tells whether nothing was found, by ent or by hand.
func IsNotFound(err error) bool { return ent.IsNotFound(err) || errors.Is(err, sql.ErrNoRows) }
