package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deadline is how long a test waits for what should take a second or two, on a machine with other work.
const deadline = 40 * time.Second

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "convene-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "convene")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A node is a running binary.
type node struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string
	out  *output
	done chan struct{}
}

// output is what a node printed so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// command is the binary with settings and nothing else of this process's environment but the path.
func command(t testing.TB, args []string, settings ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}, settings...)
	return cmd
}

func start(t testing.TB, settings ...string) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	n := &node{t: t, url: "http://" + addr, out: &output{}, done: make(chan struct{})}
	n.cmd = command(t, nil, append(settings, "ADDR="+addr)...)
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = n.cmd.Wait(); close(n.done) }()
	t.Cleanup(func() { n.stop(syscall.SIGTERM) })
	eventually(t, "the node is up", func() error {
		select {
		case <-n.done:
			t.Fatalf("the node ended:\n%s", n.out)
		default:
		}
		if !strings.Contains(n.out.String(), "Ctrl-C stops it") {
			return errors.New(n.out.String())
		}
		return nil
	})
	return n
}

func (n *node) stop(signal syscall.Signal) {
	_ = n.cmd.Process.Signal(signal)
	select {
	case <-n.done:
	case <-time.After(deadline):
		_ = n.cmd.Process.Kill()
		n.t.Errorf("the node did not stop:\n%s", n.out)
	}
}

func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	for end := time.Now().Add(deadline); ; {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not after %v: %v", what, deadline, err)
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // polls a process from outside
	}
}

// services are the addresses that the banner gives for a second node.
func (n *node) services() []string {
	n.t.Helper()
	found := regexp.MustCompile(`DATABASE_URL='([^']+)' REDIS_URL='([^']+)'`).FindStringSubmatch(n.out.String())
	if found == nil {
		n.t.Fatalf("the banner has no line for a second node:\n%s", n.out)
	}
	return []string{"DATABASE_URL=" + found[1], "REDIS_URL=" + found[2]}
}

func (n *node) post(path, token string, body any) (map[string]any, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, n.url+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: deadline}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("%s: %w", answer.Status, err)
	}
	return out, nil
}

// signIn is a demo person's access token.
func (n *node) signIn(as string) string {
	n.t.Helper()
	got, err := n.post("/dev/session", "", map[string]string{"as": as})
	if err != nil {
		n.t.Fatal(err)
	}
	return got["accessToken"].(string)
}

func (n *node) query(token, query string, variables map[string]any) map[string]any {
	n.t.Helper()
	got, err := n.post("/graphql", token, map[string]any{"query": query, "variables": variables})
	if err != nil {
		n.t.Fatal(err)
	}
	return got
}

// conversation is that of Ada with Grace.
func (n *node) conversation(token string) string {
	n.t.Helper()
	got := n.query(token, `{ viewer { inbox { nodes { id title } } } }`, nil)
	nodes, _ := dig(got, "data", "viewer", "inbox", "nodes").([]any)
	for _, c := range nodes {
		if title := dig(c, "title"); title == "Grace Lindqvist" {
			return dig(c, "id").(string)
		}
	}
	n.t.Fatalf("Ada has no conversation with Grace: %v", got)
	return ""
}

func dig(from any, path ...string) any {
	for _, step := range path {
		object, _ := from.(map[string]any)
		from = object[step]
	}
	return from
}

func (n *node) send(token, conversation, body string) map[string]any {
	n.t.Helper()
	return n.query(token, `mutation ($i: SendMessageInput!) { sendMessage(input: $i) { message { seq } userErrors { code } } }`,
		map[string]any{"i": map[string]any{"conversationId": conversation, "body": body}})
}

// watch follows a conversation by server-sent events.
func (n *node) watch(token, conversation string) *bufio.Scanner {
	n.t.Helper()
	body, _ := json.Marshal(map[string]any{
		"query":     `subscription ($id: ID!) { conversationUpdates(conversationId: $id) { ... on MessageSent { message { body } } } }`,
		"variables": map[string]any{"id": conversation},
	})
	ctx, cancel := context.WithCancel(context.Background())
	n.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r) //nolint:bodyclose // closed by the context's end
	if err != nil {
		n.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		n.t.Fatalf("%s: %s", answer.Status, text)
	}
	return bufio.NewScanner(answer.Body)
}

func arrives(t testing.TB, events *bufio.Scanner, body string) {
	t.Helper()
	found := make(chan bool, 1)
	go func() {
		for events.Scan() {
			if strings.Contains(events.Text(), `"body":"`+body+`"`) {
				found <- true
				return
			}
		}
		found <- false
	}()
	select {
	case ok := <-found:
		if !ok {
			t.Fatalf("the stream ended before %q came: %v", body, events.Err())
		}
	case <-time.After(deadline):
		t.Fatalf("%q did not come", body)
	}
}

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := start(t, "CONVENE_DATA="+data)
	second := start(t, first.services()...)
	ada, grace := first.signIn("ada"), second.signIn("grace")
	conversation := first.conversation(ada)

	t.Run("a message sent on one arrives on the other", func(t *testing.T) {
		events := second.watch(grace, conversation)
		first.send(ada, conversation, "over Redis")
		arrives(t, events, "over Redis")
	})
	t.Run("one node takes the other's tokens", func(t *testing.T) {
		if got := second.query(ada, `{ viewer { profile { username } } }`, nil); dig(got, "data", "viewer", "profile", "username") != "ada" {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("a session that signs out loses its streams on every node, and its token", func(t *testing.T) {
		leaving := first.signIn("grace")
		events := second.watch(leaving, conversation)
		if got := first.query(leaving, `mutation { signOut { userErrors { code } } }`, nil); got["errors"] != nil {
			t.Fatalf("got %v", got)
		}
		ended := make(chan struct{})
		go func() {
			for events.Scan() { //nolint:revive // reads until the end
			}
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(deadline):
			t.Fatal("the stream goes on")
		}
		eventually(t, "the token is refused", func() error {
			got := second.query(leaving, `{ viewer { profile { username } } }`, nil)
			if got["errors"] == nil {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
	})
	t.Run("a second start on the same folder is told who holds it", func(t *testing.T) {
		out, err := command(t, nil, "CONVENE_DATA="+data, "ADDR=127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), fmt.Sprint(first.cmd.Process.Pid)) {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
	t.Run("with Redis stopped it still arrives, and both say that they are degraded", func(t *testing.T) {
		events := second.watch(grace, conversation)
		socket := strings.TrimPrefix(strings.TrimPrefix(first.services()[1], "REDIS_URL="), "unix://")
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("SHUTDOWN NOSAVE\r\n"))
		_ = c.Close()
		for _, n := range []*node{first, second} {
			eventually(t, "degraded", func() error {
				answer, err := http.Get(n.url + "/readyz")
				if err != nil {
					return err
				}
				defer func() { _ = answer.Body.Close() }()
				text, _ := io.ReadAll(answer.Body)
				if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "degraded") {
					return errors.New(string(text))
				}
				return nil
			})
		}
		first.send(ada, conversation, "without Redis")
		arrives(t, events, "without Redis")
		if n := strings.Count(second.out.String(), "Redis is away"); n != 1 {
			t.Errorf("the node warns %d times, want once:\n%s", n, second.out)
		}
	})
	t.Run("with PostgreSQL dead requests say UNAVAILABLE, and work again when it is back", func(t *testing.T) {
		first.stop(syscall.SIGKILL) // its PostgreSQL goes with it
		eventually(t, "unavailable", func() error {
			got := second.send(ada, conversation, "into the void")
			errs, _ := got["errors"].([]any)
			if len(errs) == 0 {
				return fmt.Errorf("got %v", got)
			}
			if code := dig(errs[0], "extensions", "code"); code != "UNAVAILABLE" {
				t.Errorf("got %v", errs[0])
			}
			return nil
		})
		start(t, "CONVENE_DATA="+data)
		eventually(t, "available again", func() error {
			got := second.send(ada, conversation, "back again")
			if dig(got, "data", "sendMessage", "message", "seq") == nil {
				return fmt.Errorf("got %v", got)
			}
			return nil
		})
	})
	t.Run("a node that is told to stop does", func(t *testing.T) {
		second.stop(syscall.SIGTERM)
		if code := second.cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("it ended with %d:\n%s", code, second.out)
		}
	})
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ setting, want string }{
		"a DATABASE_URL that is none":         {"DATABASE_URL=localhost/convene", "DATABASE_URL"},
		"a DATABASE_URL where nobody answers": {"DATABASE_URL=postgres://u:secret@127.0.0.1:1/convene", "127.0.0.1:1"},
		"a REDIS_URL that is none":            {"REDIS_URL=localhost:6379", "REDIS_URL"},
		"programs that are not there":         {"CONVENE_PG_BIN=/nowhere", "/nowhere"},
		"a misspelt setting":                  {"CONVENE_DATTA=x", "CONVENE_DATTA"},
		"an address that others can reach":    {"ADDR=0.0.0.0:0", "which others can reach"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := []string{"ADDR=127.0.0.1:0", "CONVENE_DATA=" + t.TempDir(), c.setting}
			out, err := command(t, nil, settings...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "secret") {
				t.Fatalf("got %v, want a sentence with %q:\n%s", err, c.want, out)
			}
		})
	}
	t.Run("a wrong word on the command line is answered with the right ones", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, []string{"srve"}).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "serve") {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
	t.Run("help shows every command with an example", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, []string{"--help"}).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "migrate up") {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
}
