package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// dataDir is a folder that PostgreSQL's own account can reach, as t.TempDir is not: else the data would be
// put elsewhere, and stay there.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "convene-e2e-data-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
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
	return startAt(t, freeAddress(t), settings...)
}

func startAt(t testing.TB, addr string, settings ...string) *node {
	t.Helper()
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
	now := n.query(token, `query ($id: ID!) { conversation(id: $id) { cursor } }`, map[string]any{"id": conversation})
	body, _ := json.Marshal(map[string]any{
		"query": `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) { ... on MessageSent { message { body } } } }`,
		// From where the conversation is now: the answer begins before the subscription does.
		"variables": map[string]any{"id": conversation, "after": dig(now, "data", "conversation", "cursor")},
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
