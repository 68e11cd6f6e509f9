//go:build unix

package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

func TestStart(t *testing.T) {
	t.Parallel()

	t.Run("a cold start answers, and a warm one keeps what was written", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: filepath.Join(embedded.OpenDir(t), "new", "data"), NeedPG: true, NeedRedis: true}
		s := start(t, o)
		sql(t, o.Dir, "CREATE TABLE kept AS SELECT 42 AS n")
		if got := sql(t, o.Dir, "SHOW fsync"); got != "on" {
			t.Errorf("fsync is %s", got)
		}
		if !strings.HasPrefix(s.PostgresNote, "PostgreSQL ") || !strings.Contains(s.PostgresNote, s.DataDir) {
			t.Errorf("the note says %q", s.PostgresNote)
		}
		if got := redis(t, s.RedisURL, "SET kept 1"); got != "+OK" {
			t.Errorf("Redis answers %q", got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left := processes(t, s.DataDir); len(left) > 0 {
			t.Fatalf("left running: %q", left)
		}

		again := start(t, o)
		if got := sql(t, o.Dir, "SELECT n FROM kept"); got != "42" {
			t.Errorf("the table holds %s", got)
		}
		// The built-in Redis takes any free port.
		if again.DatabaseURL != s.DatabaseURL || strings.HasPrefix(s.RedisURL, "unix:") && again.RedisURL != s.RedisURL {
			t.Errorf("the URLs changed from %s, %s to %s, %s", s.DatabaseURL, s.RedisURL, again.DatabaseURL, again.RedisURL)
		}
	})

	t.Run("what is not asked for is not started", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(embedded.OpenDir(t), "data")
		s := start(t, embedded.Options{Dir: dir})
		if s.DatabaseURL != "" || s.RedisURL != "" {
			t.Errorf("there are %q and %q", s.DatabaseURL, s.RedisURL)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder was made: %v", err)
		}
	})

	t.Run("closing twice is harmless", func(t *testing.T) {
		t.Parallel()
		s := start(t, embedded.Options{Throwaway: true, NeedPG: true})
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-s.Failed():
			t.Errorf("an orderly end is reported as a failure: %v", err)
		default:
		}
	})

	t.Run("an unusable program is an error with three remedies within a second", func(t *testing.T) {
		t.Parallel()
		hanging := embedded.OpenDir(t)
		for _, name := range []string{"initdb", "postgres"} {
			writeProgram(t, filepath.Join(hanging, name), "exec sleep 60")
		}
		for _, bin := range []string{embedded.OpenDir(t), hanging, "/nowhere"} {
			began := time.Now()
			_, err := embedded.Start(t.Context(), embedded.Options{Dir: embedded.OpenDir(t), PGBin: bin, NeedPG: true})
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s: it took %s", bin, took)
			}
			if !errors.Is(err, embedded.ErrNoPostgres) {
				t.Fatalf("%s: the error is %v", bin, err)
			}
			for _, want := range []string{"CONVENE_PG_BIN=" + bin, "apt-get install", "brew install", "docker compose up -d", "DATABASE_URL"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: no %q in: %v", bin, want, err)
				}
			}
		}
	})

	t.Run("a half-made cluster is made again", func(t *testing.T) {
		t.Parallel()
		dir := embedded.OpenDir(t)
		if err := os.MkdirAll(filepath.Join(dir, "postgres.new-1", "base"), 0o700); err != nil {
			t.Fatal(err)
		}
		start(t, embedded.Options{Dir: dir, NeedPG: true})
		if got := sql(t, dir, "SELECT 1"); got != "1" {
			t.Errorf("it answers %s", got)
		}
	})

	t.Run("a context that ends stops the start and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		dir := embedded.OpenDir(t)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := embedded.Start(ctx, embedded.Options{Dir: dir, NeedPG: true, Log: func(string, ...any) { cancel() }})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the error is %v", err)
		}
		if left := processes(t, dir); len(left) > 0 {
			t.Errorf("left running: %q", left)
		}
		start(t, embedded.Options{Dir: dir, NeedPG: true})
	})

	t.Run("data of a version that is not here is refused, with those that are", func(t *testing.T) {
		t.Parallel()
		dir := embedded.OpenDir(t)
		cluster := filepath.Join(dir, "postgres")
		if err := os.Mkdir(cluster, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte("9999\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, NeedPG: true})
		if err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 9999") || !strings.Contains(err.Error(), " in /") {
			t.Fatalf("the error is %v", err)
		}
		if _, err := os.Stat(filepath.Join(cluster, "PG_VERSION")); err != nil {
			t.Errorf("the data was touched: %v", err)
		}
	})
}

func TestOwner(t *testing.T) {
	t.Parallel()

	t.Run("a second one is refused, told who it is and how to join", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true, NeedRedis: true}
		first := startOwner(t, o, "", nil)
		_, err := embedded.Start(t.Context(), o)
		if !errors.Is(err, embedded.ErrHeld) {
			t.Fatalf("the error is %v", err)
		}
		for _, want := range []string{"process " + strconv.Itoa(first.cmd.Process.Pid), "since ", first.DatabaseURL, first.RedisURL} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in: %v", want, err)
			}
		}
		if err := embedded.Reset(o.Dir); !errors.Is(err, embedded.ErrHeld) || !strings.Contains(err.Error(), strconv.Itoa(first.cmd.Process.Pid)) {
			t.Errorf("resetting meanwhile says %v", err)
		}
		if got := sql(t, o.Dir, "SELECT 1"); got != "1" {
			t.Errorf("the first one answers %s", got)
		}
	})

	t.Run("one that is stopping is waited for", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true}
		first := startOwner(t, o, "", nil)
		ended := make(chan error, 1)
		_ = first.stdin.Close()
		lock := filepath.Join(o.Dir, "owner.lock")
		embedded.Eventually(t, "the first one is stopping", func() bool {
			text, err := os.ReadFile(lock)
			return err == nil && !strings.Contains(string(text), "pg_bin") || strings.Contains(string(text), "stopping")
		})
		go func() { ended <- first.cmd.Wait() }()
		start(t, o)
		if err := <-ended; err != nil {
			t.Errorf("the first one ended with %v", err)
		}
	})
}

func TestReset(t *testing.T) {
	t.Parallel()

	t.Run("it deletes the data and nothing else", func(t *testing.T) {
		t.Parallel()
		dir := embedded.OpenDir(t)
		other := filepath.Join(dir, "other")
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s := start(t, embedded.Options{Dir: dir, NeedPG: true, NeedRedis: true})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := embedded.Reset(dir); err != nil {
			t.Fatal(err)
		}
		var left []string
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if got := strings.Join(left, " "); got != "other owner.lock" {
			t.Errorf("there is left: %s", got)
		}
	})

	t.Run("a folder that is not there is reset", func(t *testing.T) {
		t.Parallel()
		if err := embedded.Reset(filepath.Join(embedded.OpenDir(t), "none")); err != nil {
			t.Error(err)
		}
	})
}

func TestPSQL(t *testing.T) {
	t.Parallel()
	t.Run("nothing runs, and that is said", func(t *testing.T) {
		t.Parallel()
		_, _, err := embedded.PSQL(embedded.OpenDir(t))
		if err == nil || !strings.Contains(err.Error(), "start convene first") {
			t.Errorf("the error is %v", err)
		}
		if url, err := embedded.DatabaseURL(embedded.OpenDir(t)); url != "" || err == nil || !strings.Contains(err.Error(), "start convene first") {
			t.Errorf("the address is %q, the error %v", url, err)
		}
	})
}

func writeProgram(t *testing.T, path, script string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
