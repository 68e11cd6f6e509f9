package main_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second
	n := start(t, "CONVENE_DATA="+dataDir(t), "CONVENE_DRAIN_DELAY="+delay.String())
	ada := n.signIn("ada")
	conversation := n.conversation(ada)
	events := n.watch(ada, conversation)
	told := time.Now()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node says that it is not ready, and has connections closed", func() error {
		answer, err := http.Get(n.url + "/readyz")
		if err != nil {
			t.Fatalf("it is gone already: %v", err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "draining") || !answer.Close {
			return errors.New(string(text))
		}
		return nil
	})
	// It serves on meanwhile, by requests and by streams.
	n.send(ada, conversation, "one more before you go")
	arrives(t, events, "one more before you go")
	if took := time.Since(told); took > delay {
		t.Skipf("this machine took %v for what has to happen within %v", took, delay)
	}
	select {
	case <-n.done:
	case <-time.After(deadline):
		t.Fatal("it does not stop")
	}
	if took := time.Since(told); took < delay {
		t.Errorf("it stopped after %v, before load balancers could notice", took)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, n.out)
	}
}
