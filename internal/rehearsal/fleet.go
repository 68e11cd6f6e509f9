package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Fleet is the nodes as a load balancer sees them: it asks each of them every 100 ms whether it is
// ready, and sends requests to those that are, in turn.
type Fleet struct {
	mu    sync.Mutex
	nodes []*Node
	turn  int
	http  http.Client
}

// NewFleet is a fleet without nodes.
func NewFleet() *Fleet {
	return &Fleet{http: http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// Add puts a node behind the balancer.
func (f *Fleet) Add(n *Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = append(f.nodes, n)
}

// Remove takes a node away that has ended.
func (f *Fleet) Remove(n *Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = slices.DeleteFunc(f.nodes, func(other *Node) bool { return other == n })
}

// Watch asks the nodes until the context ends.
func (f *Fleet) Watch(ctx context.Context) {
	for Wait(ctx, 100*time.Millisecond) == nil {
		f.mu.Lock()
		nodes := slices.Clone(f.nodes)
		f.mu.Unlock()
		for _, n := range nodes {
			n.look(ctx)
		}
	}
}

var errNoneReady = errors.New("no node is ready")

// Pick is the next ready node, another one than that given if there is one.
func (f *Fleet) Pick(not *Node) (*Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last *Node
	for range f.nodes {
		f.turn++
		n := f.nodes[f.turn%len(f.nodes)]
		if !n.ready.Load() {
			continue
		}
		if last = n; n != not {
			return n, nil
		}
	}
	if last == nil {
		return nil, errNoneReady
	}
	return last, nil
}

// Any is a ready node that the given function chooses among so many.
func (f *Fleet) Any(choose func(count int) int) (*Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ready []*Node
	for _, n := range f.nodes {
		if n.ready.Load() {
			ready = append(ready, n)
		}
	}
	if len(ready) == 0 {
		return nil, errNoneReady
	}
	return ready[choose(len(ready))], nil
}

// StopAll stops every node that still runs, all at once.
func (f *Fleet) StopAll() error {
	f.mu.Lock()
	nodes := f.nodes
	f.nodes = nil
	f.mu.Unlock()
	var stopping errgroup.Group
	for _, n := range nodes {
		n.ready.Store(false)
		stopping.Go(func() error { _, err := n.Stop(); return err })
	}
	return stopping.Wait()
}

// Ask sends an operation to a ready node, and once more to another if that gave no answer: what clients
// and proxies do.
func (f *Fleet) Ask(ctx context.Context, token, query string, variables any, out any) (retried bool, err error) {
	n, err := f.AskOnce(ctx, nil, token, query, variables, out)
	if !IsLost(err) {
		return false, err
	}
	if err := Wait(ctx, 50*time.Millisecond); err != nil {
		return true, err
	}
	_, err = f.AskOnce(ctx, n, token, query, variables, out)
	return true, err
}

// AskOnce sends an operation to a ready node, another one than that given if there is one, and answers which.
func (f *Fleet) AskOnce(ctx context.Context, not *Node, token, query string, variables any, out any) (*Node, error) {
	n, err := f.Pick(not)
	if err != nil {
		return nil, &lostError{err}
	}
	return n, f.post(ctx, n, token, query, variables, out)
}

// A lostError says nothing about the operation: it may have happened or not.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

func (e *lostError) Unwrap() error { return e.err }

// IsLost tells whether an operation got no answer that says what became of it.
func IsLost(err error) bool {
	var lost *lostError
	return errors.As(err, &lost)
}

func (f *Fleet) post(ctx context.Context, n *Node, token, query string, variables, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := f.http.Do(r)
	if err != nil {
		return &lostError{err}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return &lostError{err}
	}
	var envelope struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(text, &envelope); err != nil {
		return &lostError{fmt.Errorf("%s answered %s: %.200s", n.Name, answer.Status, text)}
	}
	if len(envelope.Errors) > 0 {
		err := fmt.Errorf("%s answered %s: %s", n.Name, envelope.Errors[0].Extensions.Code, envelope.Errors[0].Message)
		if answer.StatusCode >= 500 || envelope.Errors[0].Extensions.Code == "UNAVAILABLE" || envelope.Errors[0].Extensions.Code == "TIMEOUT" {
			return &lostError{err}
		}
		return err
	}
	return json.Unmarshal(envelope.Data, out)
}
