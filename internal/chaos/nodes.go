package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/internal/rehearsal"
)

// nodeCount is how many nodes a run has.
const nodeCount = 2

// nodes are the nodes of a run, each with proxies of its own between it and Redis, one for each server of that.
type nodes struct {
	program  string
	services *services
	keys     string
	fleet    *rehearsal.Fleet
	proxies  [nodeCount][]*proxy

	mu      sync.Mutex
	running [nodeCount]*rehearsal.Node
	started int
	ended   []*rehearsal.Node
}

// environment are the settings of a node: whatever a run needs to be set stands here.
func (n *nodes) environment(i int) []string {
	return []string{
		"DATABASE_URL=" + n.services.postgres.DatabaseURL,
		"REDIS_URL=" + n.redisURL(i),
		"CONVENE_KEYS=" + n.keys,
		// All come from one address, and ask as much as the whole town. Limits that nobody reaches are still counted, on the
		// Redis that breaks.
		"CONVENE_OPERATIONS_PER_ACCOUNT=1000000", "CONVENE_OPERATIONS_PER_ADDRESS=1000000",
		"CONVENE_SOCKETS_PER_ACCOUNT=1000000", "CONVENE_SOCKETS_PER_ADDRESS=1000000",
		"CONVENE_REGISTRATIONS_PER_ADDRESS=1000000", "CONVENE_MESSAGES_PER_SOCKET=1000000",
	}
}

func (n *nodes) open(ctx context.Context, seed uint64) error {
	for i := range n.proxies {
		if err := n.putProxies(ctx, i, seed); err != nil {
			return err
		}
	}
	for i := range n.running { // the first migrates, the second finds that done
		if err := n.start(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// putProxies puts proxies between a node and Redis.
func (n *nodes) putProxies(ctx context.Context, i int, seed uint64) error {
	for k, dial := range n.services.redis.dialers() {
		p, err := newProxy(ctx, seed+uint64(100*i+k), dial)
		if err != nil {
			return err
		}
		n.proxies[i] = append(n.proxies[i], p)
	}
	for _, p := range n.proxies[i] {
		if c, ok := n.services.redis.(*cluster); ok {
			p.readdress = readdress(c.addresses, n.proxies[i])
		}
		p.begin()
	}
	return nil
}

// redisURL is what a node takes for Redis.
func (n *nodes) redisURL(i int) string {
	address := "redis://" + n.proxies[i][0].address()
	separator := "?"
	for _, p := range n.proxies[i][1:] {
		address += separator + "addr=" + p.address()
		separator = "&"
	}
	return address
}

// start starts a node and puts it behind the balancer.
func (n *nodes) start(ctx context.Context, i int) error {
	n.mu.Lock()
	n.started++
	name := fmt.Sprintf("node %d (start %d)", i+1, n.started)
	n.mu.Unlock()
	node, err := rehearsal.Start(ctx, name, n.program, n.environment(i)...)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running[i] = node
	n.fleet.Add(node)
	return nil
}

// kill kills a node.
func (n *nodes) kill(i int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if node := n.running[i]; node != nil {
		node.Kill()
		n.fleet.Remove(node)
		n.ended = append(n.ended, node)
		n.running[i] = nil
	}
}

// close stops the nodes, and answers what they complained of while they ran.
func (n *nodes) close() (complaints []string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var stopping errgroup.Group
	for _, node := range n.running {
		if node != nil {
			n.fleet.Remove(node)
			stopping.Go(func() error { _, err := node.Stop(); return err })
			n.ended = append(n.ended, node)
		}
	}
	err = stopping.Wait()
	n.running = [nodeCount]*rehearsal.Node{}
	for _, node := range n.ended {
		for line := range strings.Lines(node.Said()) {
			if strings.Contains(line, "level=ERROR") || strings.HasPrefix(line, "panic:") {
				complaints = append(complaints, node.Name+": "+strings.TrimSpace(line))
			}
		}
	}
	n.ended = nil
	for i, proxies := range n.proxies {
		for _, p := range proxies {
			err = errors.Join(err, p.close())
		}
		n.proxies[i] = nil
	}
	return complaints, err
}
