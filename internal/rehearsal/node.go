package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

// A Node is a running program.
type Node struct {
	Name, URL string
	cmd       *exec.Cmd
	said      bytes.Buffer // read when it has ended
	ended     chan struct{}
	// ready is what it says of itself on /readyz, by which clients are sent to it.
	ready atomic.Bool
}

// settings are the environment of every node: what this revision and older ones know.
func settings(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "CONVENE_SEED=off"}, more...)
}

// Start starts a program on a port that nobody uses, and returns when it is ready.
func Start(ctx context.Context, name, program string, more ...string) (*Node, error) {
	address, err := embedded.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	n := &Node{Name: name, URL: "http://" + address, ended: make(chan struct{})}
	n.cmd = exec.Command(program, "serve") //nolint:noctx // it is told to stop, and by SIGTERM
	n.cmd.Env = append(settings(more...), "ADDR="+address)
	n.cmd.Stdout, n.cmd.Stderr = &n.said, &n.said
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = n.cmd.Wait(); close(n.ended) }()
	for ; !n.ready.Load(); n.look(ctx) {
		select {
		case <-n.ended:
			return nil, fmt.Errorf("start %s: it ended and said:\n%.2000s", name, n.said.Bytes())
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			_, _ = n.Stop()
			return nil, fmt.Errorf("wait for %s: %w; it said:\n%.2000s", name, ctx.Err(), n.said.Bytes())
		}
	}
	return n, nil
}

// look asks the node whether it is ready.
func (n *Node) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/readyz", nil)
	if err != nil {
		return
	}
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = answer.Body.Close()
	}
	n.ready.Store(err == nil && answer.StatusCode == http.StatusOK)
}

// Stop tells the node to stop, as an operator does, and says how long it took.
func (n *Node) Stop() (time.Duration, error) {
	began := time.Now()
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-n.ended:
	case <-time.After(time.Minute):
		_ = n.cmd.Process.Kill()
		return time.Since(began), fmt.Errorf("stop %s: it did not within a minute", n.Name)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		return time.Since(began), fmt.Errorf("stop %s: it ended with %d and said:\n%.2000s", n.Name, code, n.said.Bytes())
	}
	return time.Since(began), nil
}

// Kill ends the node without a word, as a power cut does, and waits until it is gone.
func (n *Node) Kill() {
	_ = n.cmd.Process.Kill() // it may have ended
	<-n.ended
}

// Said is what the node wrote, once it has ended.
func (n *Node) Said() string {
	<-n.ended
	return n.said.String()
}

// Command runs a command of a program to its end and returns what it said.
func Command(ctx context.Context, program, databaseURL string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = settings("DATABASE_URL=" + databaseURL)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("run convene %s: %w\n%.2000s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
