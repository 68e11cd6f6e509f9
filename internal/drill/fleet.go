package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A fleet is the nodes as a load balancer sees them: it asks each of them every 100 ms whether it is
// ready, and sends requests to those that are, in turn.
type fleet struct {
	mu    sync.Mutex
	nodes []*node
	turn  int
	http  http.Client
}

func newFleet() *fleet {
	return &fleet{http: http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// add puts a node behind the balancer.
func (f *fleet) add(n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = append(f.nodes, n)
}

// watch asks the nodes until the context ends.
func (f *fleet) watch(ctx context.Context) {
	for wait(ctx, 100*time.Millisecond) == nil {
		f.mu.Lock()
		nodes := append([]*node(nil), f.nodes...)
		f.mu.Unlock()
		for _, n := range nodes {
			n.look(ctx)
		}
	}
}

// pick is the next ready node, another one than that given if there is one.
func (f *fleet) pick(not *node) (*node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last *node
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
		return nil, errors.New("no node is ready")
	}
	return last, nil
}

// stopAll stops every node that still runs, all at once.
func (f *fleet) stopAll() error {
	f.mu.Lock()
	nodes := f.nodes
	f.nodes = nil
	f.mu.Unlock()
	var stopping errgroup.Group
	for _, n := range nodes {
		n.ready.Store(false)
		stopping.Go(func() error { _, err := n.stop(); return err })
	}
	return stopping.Wait()
}

// ask sends an operation to a ready node, and once more to another if that gave no answer: what clients
// and proxies do.
func (f *fleet) ask(ctx context.Context, token, query string, variables any, out any) (retried bool, err error) {
	n, err := f.pick(nil)
	if err == nil {
		err = f.post(ctx, n, token, query, variables, out)
	}
	var lost *lostError
	if err == nil || n != nil && !errors.As(err, &lost) {
		return false, err
	}
	if err := wait(ctx, 50*time.Millisecond); err != nil {
		return true, err
	}
	if n, err = f.pick(n); err != nil {
		return true, err
	}
	return true, f.post(ctx, n, token, query, variables, out)
}

// A lostError says nothing about the operation: it may have happened or not.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

func (f *fleet) post(ctx context.Context, n *node, token, query string, variables, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/graphql", bytes.NewReader(body))
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
		return &lostError{fmt.Errorf("%s answered %s: %.200s", n.name, answer.Status, text)}
	}
	if len(envelope.Errors) > 0 {
		err := fmt.Errorf("%s answered %s: %s", n.name, envelope.Errors[0].Extensions.Code, envelope.Errors[0].Message)
		if answer.StatusCode >= 500 || envelope.Errors[0].Extensions.Code == "UNAVAILABLE" || envelope.Errors[0].Extensions.Code == "TIMEOUT" {
			return &lostError{err}
		}
		return err
	}
	return json.Unmarshal(envelope.Data, out)
}
