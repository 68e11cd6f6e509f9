//go:build unix

package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

// ownerEnv makes the test binary an owner: it starts services with the options
// in that variable, prints a report and closes when its input ends.
const ownerEnv = "EMBEDDED_TEST_OWNER"

// report is what an owner prints.
type report struct {
	DatabaseURL, RedisURL, PostgresNote, DataDir string
	Error                                        string
	Took                                         time.Duration
}

func TestMain(m *testing.M) {
	text, isOwner := os.LookupEnv(ownerEnv)
	if !isOwner {
		os.Exit(m.Run())
	}
	var o embedded.Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	began := time.Now()
	s, err := embedded.Start(ctx, o)
	cancel()
	r := report{Took: time.Since(began)}
	if err != nil {
		r.Error = err.Error()
	} else {
		r.DatabaseURL, r.RedisURL, r.PostgresNote, r.DataDir = s.DatabaseURL, s.RedisURL, s.PostgresNote, s.DataDir
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
	if s == nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Close(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	os.Exit(0)
}

// owner is another process that runs services.
type owner struct {
	report
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// startOwner starts services in another process and waits for its report.
func startOwner(t *testing.T, o embedded.Options, program string, as *syscall.Credential) *owner {
	t.Helper()
	w, stdout, stderr := launchOwner(t, o, program, as)
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &w.report)
	}
	if err != nil {
		t.Fatalf("the other process said %q: %v\n%s", line, err, stderr)
	}
	return w
}

// launchOwner starts another process, as ourselves or as somebody else; a
// program is named when that one cannot reach the test binary.
func launchOwner(t *testing.T, o embedded.Options, program string, as *syscall.Credential) (*owner, io.Reader, *bytes.Buffer) {
	t.Helper()
	options, err := json.Marshal(map[string]any{
		"Dir": o.Dir, "PGBin": o.PGBin, "RedisBin": o.RedisBin,
		"NeedPG": o.NeedPG, "NeedRedis": o.NeedRedis, "Throwaway": o.Throwaway,
	})
	if err != nil {
		t.Fatal(err)
	}
	if program == "" {
		program, err = os.Executable()
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), ownerEnv+"="+string(options))
	if as != nil {
		cmd.Env = append(cmd.Env, "HOME=/nonexistent", "TMPDIR=/tmp")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &owner{cmd: cmd, stdin: stdin}
	t.Cleanup(func() { _ = w.end() })
	return w, stdout, &stderr
}

// end lets the owner close and waits for it.
func (w *owner) end() error {
	_ = w.stdin.Close()
	if w.cmd.ProcessState != nil {
		return nil
	}
	return w.cmd.Wait()
}

// kill ends the owner as kill -9 does.
func (w *owner) kill(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = w.cmd.Wait() // it was killed, and says so
}

// start starts services that end with the test.
func start(t *testing.T, o embedded.Options) *embedded.Services {
	t.Helper()
	o.Log = t.Logf
	s, err := embedded.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sql runs a statement with the psql that PSQL names.
func sql(t *testing.T, dir, statement string) string {
	t.Helper()
	path, args, err := embedded.PSQL(dir)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, append(args, "-X", "-A", "-t", "-c", statement)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", statement, err, out)
	}
	return strings.TrimSpace(string(out))
}

// processes lists the running processes whose command lines mention something, each as its number and the
// line.
func processes(t *testing.T, mention ...string) []string {
	t.Helper()
	var found []string
	for pid, line := range embedded.CommandLines() {
		for _, m := range mention {
			if strings.Contains(line, m) {
				found = append(found, fmt.Sprint(pid, " ", line))
				break
			}
		}
	}
	return found
}

// needsRedisServer skips what is about a Redis program where there is only the built-in one.
func needsRedisServer(t *testing.T) {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if _, err := exec.LookPath(name); err == nil {
			return
		}
	}
	t.Skip("there is no redis-server or valkey-server on this machine")
}
