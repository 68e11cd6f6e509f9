//go:build unix

package embedded_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestKill(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells children of the death of their parent")
	}

	t.Run("a killed owner leaves no process behind, and its data", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true, NeedRedis: true}
		first := startOwner(t, o, "", nil)
		sql(t, o.Dir, "CREATE TABLE kept AS SELECT 42 AS n")
		// A PostgreSQL at least; the built-in Redis is no process.
		if len(processes(t, o.Dir)) < 1 {
			t.Fatalf("only these run: %q", processes(t, o.Dir))
		}
		first.kill(t)
		embedded.Eventually(t, "all processes are gone", func() bool { return len(processes(t, o.Dir)) == 0 })
		log, err := os.ReadFile(filepath.Join(first.DataDir, "log", "postgres.log"))
		if err != nil || !strings.Contains(string(log), "database system is shut down") {
			t.Errorf("PostgreSQL did not end in order: %v\n%s", err, log)
		}
		start(t, o)
		if got := sql(t, o.Dir, "SELECT n FROM kept"); got != "42" {
			t.Errorf("the table holds %s", got)
		}
	})

	t.Run("a start that is killed while it makes the data is repeated", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true}
		first, _, _ := launchOwner(t, o, "", nil)
		embedded.Eventually(t, "initdb has begun", func() bool {
			begun, _ := filepath.Glob(filepath.Join(o.Dir, "postgres.new-*", "base"))
			return len(begun) > 0
		})
		first.kill(t)
		start(t, o)
		if got := sql(t, o.Dir, "SELECT 1"); got != "1" {
			t.Errorf("it answers %s", got)
		}
		if left, _ := filepath.Glob(filepath.Join(o.Dir, "postgres.new-*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})

	t.Run("a start right after the kill waits for the old server to end", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true, NeedRedis: true}
		first := startOwner(t, o, "", nil)
		sql(t, o.Dir, "CREATE TABLE kept AS SELECT 42 AS n")
		first.kill(t)
		s := start(t, o)
		if got := sql(t, o.Dir, "SELECT n FROM kept"); got != "42" {
			t.Errorf("the table holds %s", got)
		}
		if got := redis(t, s.RedisURL, "SET k v"); got != "+OK" {
			t.Errorf("Redis answers %q", got)
		}
	})
}

func TestFailed(t *testing.T) {
	t.Parallel()
	for name, victim := range map[string]string{
		"PostgreSQL that dies is reported with the end of its log": "PostgreSQL",
		"Redis that dies is reported with the end of its log":      "Redis",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if victim == "Redis" {
				needsRedisServer(t)
			}
			dir := embedded.OpenDir(t)
			s := start(t, embedded.Options{Dir: dir, NeedPG: victim == "PostgreSQL", NeedRedis: victim == "Redis"})
			failed := map[string]<-chan error{"PostgreSQL": s.Failed(), "Redis": s.RedisFailed()}[victim]
			mention := map[string]string{"PostgreSQL": "-D " + s.DataDir, "Redis": s.DataDir + "/run/redis.sock"}[victim]
			running := processes(t, mention)
			// A child that was just forked still goes by its parent's words.
			for end := time.Now().Add(15 * time.Second); len(running) != 1; running = processes(t, mention) {
				if time.Now().After(end) {
					t.Fatalf("these run: %q", running)
				}
			}
			pid, err := strconv.Atoi(strings.Fields(running[0])[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-failed:
				if !strings.Contains(err.Error(), victim+" ended by itself") || !strings.Contains(err.Error(), "log/") {
					t.Errorf("the report is %v", err)
				}
			case <-time.After(15 * time.Second):
				t.Error("there is no report")
			}
		})
	}
}

func TestThrowaway(t *testing.T) {
	t.Parallel()

	t.Run("several processes have one each, and it goes with Close", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Throwaway: true, NeedPG: true, NeedRedis: true, Dir: "/nowhere"}
		s := start(t, o)
		other := startOwner(t, o, "", nil)
		if other.Error != "" || other.DataDir == s.DataDir {
			t.Fatalf("the other is %+v", other.report)
		}
		if got := sql(t, s.DataDir, "SHOW fsync"); got != "off" {
			t.Errorf("fsync is %s", got)
		}
		if err := other.end(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{s.DataDir, other.DataDir} {
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("%s is still there: %v", dir, err)
			}
		}
	})

	t.Run("what a killed run has left is deleted by the next", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Throwaway: true, NeedPG: true, NeedRedis: true}
		killed := startOwner(t, o, "", nil)
		dir := killed.DataDir
		killed.kill(t)
		start(t, embedded.Options{Throwaway: true, NeedPG: true})
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", dir, err)
		}
		if left := processes(t, dir); len(left) > 0 {
			t.Errorf("left running: %q", left)
		}
	})
}

func TestPlaces(t *testing.T) {
	t.Parallel()

	t.Run("a long path has its sockets in a short one", func(t *testing.T) {
		t.Parallel()
		needsRedisServer(t)
		dir := filepath.Join(embedded.OpenDir(t), strings.Repeat("long/", 20), "with space,comma&'quote")
		s := start(t, embedded.Options{Dir: dir, NeedPG: true, NeedRedis: true})
		if got := sql(t, dir, "SELECT 1"); got != "1" {
			t.Errorf("it answers %s", got)
		}
		if got := redis(t, s.RedisURL, "SET k v"); got != "+OK" {
			t.Errorf("Redis answers %q", got)
		}
		sockets := filepath.Dir(strings.TrimPrefix(s.RedisURL, "unix://"))
		if len(sockets) > 80 || !strings.Contains(s.DatabaseURL, "host="+sockets) {
			t.Errorf("the URLs are %s and %s", s.DatabaseURL, s.RedisURL)
		}
		if info, err := os.Stat(sockets); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the socket folder is %v, %v", info, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(sockets); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", sockets, err)
		}
	})

	t.Run("data that the servers' account cannot reach is elsewhere, and says so", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("only root runs servers as somebody else")
		}
		closed := embedded.OpenDir(t)
		if err := os.Chmod(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(closed, "data")
		o := embedded.Options{Dir: dir, NeedPG: true, NeedRedis: true}
		s := start(t, o)
		t.Cleanup(func() { _ = os.RemoveAll(s.DataDir) })
		if strings.HasPrefix(s.DataDir, closed) || !strings.Contains(s.PostgresNote, "cannot enter "+closed) {
			t.Errorf("the data is in %s: %s", s.DataDir, s.PostgresNote)
		}
		if pointer, err := os.ReadFile(filepath.Join(dir, "elsewhere")); err != nil || !strings.HasPrefix(string(pointer), s.DataDir+"\n") {
			t.Errorf("the pointer is %q, %v", pointer, err)
		}
		sql(t, dir, "CREATE TABLE kept AS SELECT 42 AS n")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := start(t, o)
		if got := sql(t, dir, "SELECT n FROM kept"); got != "42" || again.DataDir != s.DataDir {
			t.Errorf("the table in %s holds %s", again.DataDir, got)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if err := embedded.Reset(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.DataDir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", s.DataDir, err)
		}
	})
}

func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests show it")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.ParseInt(nobody.Uid, 10, 64)
	gid, _ := strconv.ParseInt(nobody.Gid, 10, 64)
	as := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	dir := embedded.OpenDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "owner")
	if out, err := exec.Command("cp", self, program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}

	for name, throwaway := range map[string]bool{
		"one has lasting services":    false,
		"one has throw-away services": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true, NeedRedis: true, Throwaway: throwaway}
			if err := os.Chown(o.Dir, int(uid), int(gid)); err != nil {
				t.Fatal(err)
			}
			w := startOwner(t, o, program, as)
			if w.Error != "" {
				t.Fatal(w.Error)
			}
			if strings.Contains(w.PostgresNote, "run as user") {
				t.Errorf("the note says %q", w.PostgresNote)
			}
			if got := sql(t, w.DataDir, "SELECT 1"); got != "1" {
				t.Errorf("it answers %s", got)
			}
			if err := w.end(); err != nil {
				t.Fatal(err)
			}
			if throwaway {
				return
			}
			// Root finds data of somebody else and works as that account.
			s := start(t, o)
			if !strings.Contains(s.PostgresNote, "run as user nobody") {
				t.Errorf("for root the note says %q", s.PostgresNote)
			}
		})
	}

	t.Run("one is told that root's data is root's", func(t *testing.T) {
		t.Parallel()
		o := embedded.Options{Dir: embedded.OpenDir(t), NeedPG: true}
		if err := start(t, o).Close(); err != nil {
			t.Fatal(err)
		}
		w := startOwner(t, o, program, as)
		if !strings.Contains(w.Error, "belongs to root") {
			t.Errorf("the error is %q", w.Error)
		}
	})
}
