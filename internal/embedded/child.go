package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// child is a server that lives no longer than this process.
type child struct {
	name     string // for people
	pid      int
	logPath  string
	process  *os.Process
	stopping atomic.Bool
	done     chan struct{} // closed when it has ended
	err      error         // how it ended; to be read after done
}

// spawn starts a server in a session of its own, so that the Ctrl-C in our
// terminal does not reach it before we have finished with it. On Linux it gets
// the signal lastWill when we die. The kernel counts the death of the thread
// that started it as ours: that thread is kept for as long as the child lives.
func spawn(name string, who account, lastWill syscall.Signal, logPath, program string, args ...string) (*child, error) {
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(program, args...)
	cmd.Dir = "/" // ours may be closed to that account
	cmd.Env = who.environment()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes(who, lastWill)

	c := &child{name: name, logPath: logPath, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			c.process, c.pid = cmd.Process, cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, nil
}

// stop sends one signal after the other until the child has ended.
func (c *child) stop(steps []step) error {
	c.stopping.Store(true)
	for _, s := range steps {
		if err := c.process.Signal(s.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop %s: %w", c.name, err)
		}
		select {
		case <-c.done:
			return nil
		case <-time.After(s.wait):
		}
	}
	return fmt.Errorf("stop %s: process %d does not end", c.name, c.pid)
}

// ended says whether the child is gone.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// obituary says how the child ended, with its last words.
func (c *child) obituary() error {
	how := "without an error"
	if c.err != nil {
		how = c.err.Error()
	}
	return fmt.Errorf("process %d ended (%s); the end of %s:\n%s", c.pid, how, c.logPath, lastWords(c.logPath))
}

// lastWords is the end of a log.
func lastWords(path string) string {
	const longest, lines = 4096, 15
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > longest {
		_, _ = f.Seek(-longest, io.SeekEnd) // otherwise it is read from its beginning
	}
	text, _ := io.ReadAll(io.LimitReader(f, longest))
	return lastLines(string(text), lines)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// run runs a program to its end and returns what it printed. It is asked to end
// when we do or the context does: initdb then cleans up.
func run(ctx context.Context, who account, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = who.environment()
	cmd.SysProcAttr = attributes(who, syscall.SIGTERM)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 200 * time.Millisecond // for what does not listen
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- cmd.Run()
	}()
	err := <-done
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return strings.TrimSpace(out.String()), err
}

// startLog makes room for a new log and keeps the one before.
func startLog(path string) error {
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("set the old log aside: %w", err)
	}
	return nil
}
