package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// database is the name of the database and of the cluster's superuser.
	database = "convene"
	// Recovery after a power cut in the middle of heavy writing takes this long
	// at the very worst.
	patience = 2 * time.Minute
	// Backends of a killed server need a moment to notice.
	remnantPatience = 10 * time.Second
	sharedRemnant   = "pre-existing shared memory block"
)

// startPostgres makes the cluster if there is none, starts the server and waits
// until it answers.
func (s *Services) startPostgres(ctx context.Context, pg installation, throwaway bool) error {
	t := s.site
	if err := t.makeCluster(ctx, pg); err != nil {
		return err
	}
	logPath := t.logFile("postgres")
	if err := startLog(logPath); err != nil {
		return err
	}
	args := append([]string{"-D", t.cluster()}, settings(t, throwaway)...)
	for began := time.Now(); ; {
		c, err := spawn("PostgreSQL", t.account, syscall.SIGINT, logPath, filepath.Join(pg.bin, "postgres"), args...)
		if err != nil {
			return err
		}
		s.postgres = c
		err = t.waitForPostgres(ctx, c)
		if err == nil {
			break
		}
		if !c.ended() || !strings.Contains(lastWords(logPath), sharedRemnant) || time.Since(began) > remnantPatience {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	s.DatabaseURL = databaseURL(t.sockets)
	s.PostgresNote = fmt.Sprintf("PostgreSQL %s from %s (%s), %s%s",
		pg.version, pg.bin, foundBy(pg.source), t.whereabouts(), t.account.note())
	return nil
}

func foundBy(source string) string {
	switch source {
	case "CONVENE_PG_BIN":
		return "named by CONVENE_PG_BIN"
	case "PATH":
		return "found on PATH, DATABASE_URL is not set"
	case "pg_config":
		return "found by pg_config, DATABASE_URL is not set"
	}
	return "found on this machine, DATABASE_URL is not set"
}

func (a account) note() string {
	if !a.drop {
		return ""
	}
	return ", run as user " + a.name + " because PostgreSQL refuses root"
}

func databaseURL(sockets string) string {
	q := url.Values{"host": {sockets}, "sslmode": {"disable"}}
	// Slashes may stand in a query as they are, and are read more easily.
	return "postgres://" + database + "@/" + database + "?" + strings.ReplaceAll(q.Encode(), "%2F", "/")
}

// settings are given on the command line, so that they are this version's
// whoever made the cluster. The name appears in the titles of all processes.
func settings(t *site, throwaway bool) []string {
	list := []string{
		"listen_addresses=",
		"port=5432",
		"unix_socket_directories=" + t.sockets,
		"unix_socket_permissions=0700",
		"cluster_name=" + clusterName(t.cluster()),
		"shared_buffers=128MB",
		"jit=off", // compiling costs more than our short queries
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=%m [%p] ",
		"log_checkpoints=off",
		"lc_messages=C", // the log is read by programs
	}
	if throwaway {
		list = append(list,
			"max_connections=300",
			"fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"wal_level=minimal", "max_wal_senders=0",
			"max_wal_size=256MB", "min_wal_size=32MB", // it may lie in memory
			"dynamic_shared_memory_type=mmap", // deleted with the folder
			"autovacuum=off",                  // clones are gone before they need it
		)
	} else {
		list = append(list, "max_connections=200", "fsync=on", "synchronous_commit=on")
	}
	var args []string
	for _, setting := range list {
		args = append(args, "-c", setting)
	}
	return args
}

// waitForPostgres waits until the server answers, and makes the database when
// it is missing.
func (t *site) waitForPostgres(ctx context.Context, c *child) error {
	socket := filepath.Join(t.sockets, pgSocket)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	told := time.Now().Add(2 * time.Second)
	for {
		err := errNotReady
		// Asking too early works, but fills the log with refusals.
		if t.saysReady() {
			err = query(ctx, socket, database, "")
		}
		if err == nil {
			return nil
		}
		var refusal *refusal
		switch {
		case c.ended():
			return fmt.Errorf("start PostgreSQL: %w", c.obituary())
		case errors.As(err, &refusal) && refusal.code == unknownDatabase:
			if err := query(ctx, socket, "postgres", "CREATE DATABASE "+database); err != nil {
				return fmt.Errorf("make the database: %w", err)
			}
			return nil
		case errors.As(err, &refusal) && refusal.code != notYet:
			return fmt.Errorf("ask whether PostgreSQL is up: %w", err)
		}
		if time.Now().After(told) {
			told = told.Add(10 * time.Second)
			t.log("waiting for PostgreSQL, which may be recovering (%v)", err)
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL: %w (%w)", ctx.Err(), err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

var errNotReady = errors.New("it does not say that it is ready")

// saysReady reads the state that the server keeps in its lock file. The file of
// a dead server may say so too: then there is no socket yet.
func (t *site) saysReady() bool {
	const stateLine = 7
	text, err := os.ReadFile(filepath.Join(t.cluster(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return err == nil && len(lines) > stateLine && strings.TrimSpace(lines[stateLine]) == "ready"
}
