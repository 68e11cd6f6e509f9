//go:build unix

package embedded

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// abandon makes a cluster and leaves its server running without an owner, as
// happens where a parent's death is not told to its children.
func abandon(t *testing.T) (dir string, server *child) {
	t.Helper()
	dir = OpenDir(t)
	s, err := Start(t.Context(), Options{Dir: dir, NeedPG: true, NeedRedis: true, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.postgres.stopping.Store(true)
	if s.redis != nil {
		s.redis.stopping.Store(true)
	}
	// The lock goes, what it says stays: as with a killed owner.
	if err := s.site.hold.file.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, s.postgres
}

func TestOrphan(t *testing.T) {
	t.Parallel()

	t.Run("servers without an owner are ended by the next start", func(t *testing.T) {
		t.Parallel()
		dir, orphan := abandon(t)
		s, err := Start(t.Context(), Options{Dir: dir, NeedPG: true, NeedRedis: true, Log: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		if !orphan.ended() {
			t.Error("the old PostgreSQL still runs")
		}
		if err := query(t.Context(), filepath.Join(s.site.sockets, pgSocket), database, "SELECT 1"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})

	t.Run("servers without an owner are ended by a reset", func(t *testing.T) {
		t.Parallel()
		dir, orphan := abandon(t)
		if err := Reset(dir); err != nil {
			t.Fatal(err)
		}
		<-orphan.done
		for pid, line := range commandLines() {
			if strings.Contains(line, dir) {
				t.Errorf("process %d still runs: %s", pid, line)
			}
		}
	})

	t.Run("backends of a killed server do not keep the next from starting", func(t *testing.T) {
		t.Parallel()
		dir, orphan := abandon(t)
		busy := make(chan error, 1)
		sockets := readHolder(lockPath(dir)).Sockets
		go func() {
			busy <- query(t.Context(), filepath.Join(sockets, pgSocket), database,
				"DO $$ DECLARE n bigint := 0; BEGIN LOOP n := n + 1; END LOOP; END $$")
		}()
		title := "postgres: " + clusterName(filepath.Join(dir, "postgres"))
		Eventually(t, "the backend is busy", func() bool {
			for _, line := range commandLines() {
				if strings.HasPrefix(line, title) && strings.HasSuffix(line, "DO") {
					return true
				}
			}
			return false
		})
		if err := orphan.process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-orphan.done
		s, err := Start(t.Context(), Options{Dir: dir, NeedPG: true, Log: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-busy; err == nil {
			t.Error("an endless statement has ended well")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})

	t.Run("a process that got a dead server's number is left alone", func(t *testing.T) {
		t.Parallel()
		dir, orphan := abandon(t)
		if err := orphan.process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-orphan.done
		pidFile := filepath.Join(dir, "postgres", "postmaster.pid")
		text, err := os.ReadFile(pidFile)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "\n")
		if err := os.WriteFile(pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"+rest), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Start(t.Context(), Options{Dir: dir, NeedPG: true, Log: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSharedMemory(t *testing.T) {
	t.Parallel()
	t.Run("a start is repeated while the memory of a killed server is in use", func(t *testing.T) {
		t.Parallel()
		found, _ := newFinder(account{}).all(t.Context())
		inUse, ok := choose(found, 0)
		if !ok {
			t.Fatal("there is no PostgreSQL")
		}
		bin := OpenDir(t)
		if err := os.Chmod(bin, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, script := range map[string]string{
			"initdb": `exec "` + inUse.bin + `/initdb" "$@"`,
			"postgres": `case "$1" in -D)
	if mkdir "` + bin + `/tried" 2>/dev/null; then
		echo "FATAL:  ` + sharedRemnant + ` (key 1, ID 2) is still in use" >&2
		exit 1
	fi
esac
exec "` + inUse.bin + `/postgres" "$@"`,
		} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Start(t.Context(), Options{Throwaway: true, PGBin: bin, NeedPG: true, Log: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		if !isDir(filepath.Join(bin, "tried")) {
			t.Error("the first start did not fail")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestIsPostmaster(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"/usr/lib/postgresql/15/bin/postgres -D /data/postgres -c port=5432": true,
		"/usr/lib/postgresql/15/bin/postgres -D /data/postgres":              true,
		"/usr/lib/postgresql/15/bin/postgres -D /data/postgres2 -c port=1":   false,
		"/usr/bin/vim -D /data/postgres":                                     false,
		"postgres: convene-1234: walwriter":                                  false,
		"":                                                                   false,
	} {
		if got := isPostmaster(line, "/data/postgres"); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
