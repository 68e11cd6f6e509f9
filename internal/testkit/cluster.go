package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/live"
)

// ErrNoCluster says that this machine has no server that can be part of a Redis Cluster as Convene uses it.
var ErrNoCluster = errors.New("there is no redis-server or valkey-server of version 7 or later here")

const (
	clusterNodes = 3
	clusterSlots = 16384
	// clusterTime is how long a step may take on a busy machine.
	clusterTime = 30 * time.Second
)

// A RedisCluster is servers of one's own on this machine: three, which share the slots, and replicas that were added.
type RedisCluster struct {
	program, dir string
	servers      []*clusterServer
	// moved has the slots that are no longer where they were at first.
	moved map[int]int
}

type clusterServer struct {
	dir       string
	port, bus int
	id        string
	client    live.Redis
	process   *exec.Cmd
	// isAlone is of one that is part of no cluster.
	isAlone bool
}

// Cluster starts a Redis Cluster for a test, and stops it at its end. The test is skipped where there is no program
// for it.
func Cluster(t testing.TB) *RedisCluster {
	t.Helper()
	c, err := StartRedisCluster(t.Context())
	if errors.Is(err, ErrNoCluster) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("stop the cluster: %v", err)
		}
	})
	return c
}

// StartRedisCluster starts one, for whoever is no test; Close stops it.
func StartRedisCluster(ctx context.Context) (c *RedisCluster, err error) {
	c = &RedisCluster{moved: map[int]int{}}
	if c.program, err = clusterProgram(ctx); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "convene-cluster-"); err != nil {
		return nil, fmt.Errorf("make a folder for the cluster: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	for i := range clusterNodes {
		s, err := c.add(ctx)
		if err != nil {
			return nil, err
		}
		from, to := i*clusterSlots/clusterNodes, (i+1)*clusterSlots/clusterNodes-1
		if err := errors.Join(s.do(ctx, "SET-CONFIG-EPOCH", i+1), s.do(ctx, "ADDSLOTSRANGE", from, to)); err != nil {
			return nil, err
		}
	}
	for _, s := range c.servers[1:] {
		if err := s.meet(ctx, c.servers[0]); err != nil {
			return nil, err
		}
	}
	return c, c.settle(ctx)
}

// URL is what REDIS_URL is for this cluster.
func (c *RedisCluster) URL() string {
	first := c.servers[0].address()
	var more []string
	for _, s := range c.servers[1:] {
		more = append(more, "addr="+s.address())
	}
	return "redis://" + first + "?" + strings.Join(more, "&")
}

// Owner is which server has a partition's slot, as far as moves by Move tell.
func (c *RedisCluster) Owner(ctx context.Context, partition int) (int, error) {
	slot, err := c.slot(ctx, partition)
	if err != nil {
		return 0, err
	}
	if to, ok := c.moved[slot]; ok {
		return to, nil
	}
	for i := range clusterNodes {
		if slot < (i+1)*clusterSlots/clusterNodes {
			return i, nil
		}
	}
	return 0, fmt.Errorf("find the owner of slot %d: there is none", slot)
}

// Move gives the slot of a partition of live updates to another of the three servers, with what is stored in it,
// as an operator's tool does.
func (c *RedisCluster) Move(ctx context.Context, partition, to int) error {
	slot, err := c.slot(ctx, partition)
	if err != nil {
		return err
	}
	owner, err := c.Owner(ctx, partition)
	if err != nil || owner == to {
		return err
	}
	from, into := c.servers[owner], c.servers[to]
	err = errors.Join(into.do(ctx, "SETSLOT", slot, "IMPORTING", from.id), from.do(ctx, "SETSLOT", slot, "MIGRATING", into.id))
	if err != nil {
		return err
	}
	for {
		keys, err := from.client.Do(ctx, "CLUSTER", "GETKEYSINSLOT", slot, 100).StringSlice()
		if err != nil {
			return fmt.Errorf("find what is in a slot: %w", err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", "127.0.0.1", into.port, "", 0, 5000, "KEYS"}
		for _, k := range keys {
			args = append(args, k)
		}
		if err := from.client.Do(ctx, args...).Err(); err != nil {
			return fmt.Errorf("move what is in a slot: %w", err)
		}
	}
	c.moved[slot] = to
	// The new owner first, so that there is one at every moment.
	if err := errors.Join(into.do(ctx, "SETSLOT", slot, "NODE", into.id), from.do(ctx, "SETSLOT", slot, "NODE", into.id)); err != nil {
		return err
	}
	for i, s := range c.servers[:clusterNodes] {
		if i != owner && i != to && s.process != nil {
			if err := s.do(ctx, "SETSLOT", slot, "NODE", into.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// AddReplica adds a server that takes one's place when that one goes away, and answers which it is.
func (c *RedisCluster) AddReplica(ctx context.Context, of int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	s, err := c.add(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.meet(ctx, c.servers[of]); err != nil {
		return 0, err
	}
	for {
		// It has to have heard of whose replica it is.
		if err = s.do(ctx, "REPLICATE", c.servers[of].id); err == nil {
			break
		}
		if pause(ctx) != nil {
			return 0, err
		}
	}
	for {
		role, err := s.client.Do(ctx, "INFO", "replication").Text()
		if err == nil && strings.Contains(role, "master_link_status:up") {
			return len(c.servers) - 1, c.settle(ctx)
		}
		if pause(ctx) != nil {
			return 0, fmt.Errorf("wait for a replica: %w: %s", ctx.Err(), role)
		}
	}
}

// Kill ends a server at once, as a machine that goes away.
func (c *RedisCluster) Kill(server int) error { return c.servers[server].kill() }

// Restart starts a server that was killed. It remembers what the cluster looks like, and nothing else.
func (c *RedisCluster) Restart(ctx context.Context, server int) error {
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	return c.servers[server].start(ctx, c.program)
}

// Do runs a command on one server.
func (c *RedisCluster) Do(ctx context.Context, server int, args ...any) error {
	return c.servers[server].client.Do(ctx, args...).Err()
}

// Close stops all servers and deletes their folder.
func (c *RedisCluster) Close() error {
	var errs []error
	for _, s := range c.servers {
		errs = append(errs, s.kill())
		if s.client != nil {
			errs = append(errs, s.client.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// slot is that of a partition's channels.
func (c *RedisCluster) slot(ctx context.Context, partition int) (int, error) {
	var errs []error
	for _, s := range c.servers {
		if s.process == nil {
			continue
		}
		slot, err := s.client.Do(ctx, "CLUSTER", "KEYSLOT", live.PartitionTag(partition)).Int()
		if err == nil {
			return slot, nil
		}
		errs = append(errs, err)
	}
	return 0, fmt.Errorf("ask for a slot: %w", errors.Join(errs...))
}

// settle waits until every server knows of every other one and of all slots.
func (c *RedisCluster) settle(ctx context.Context) error {
	for _, s := range c.servers {
		for {
			info, err := s.client.Do(ctx, "CLUSTER", "INFO").Text()
			if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", len(c.servers))) {
				break
			}
			if pause(ctx) != nil {
				return fmt.Errorf("wait for the cluster: %w: %s", ctx.Err(), info)
			}
		}
	}
	return nil
}

func (c *RedisCluster) add(ctx context.Context) (*clusterServer, error) {
	s := &clusterServer{dir: filepath.Join(c.dir, strconv.Itoa(len(c.servers)))}
	c.servers = append(c.servers, s)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for a server: %w", err)
	}
	if err := errors.Join(s.takePorts(ctx), s.open()); err != nil {
		return nil, err
	}
	var err error
	if err := s.start(ctx, c.program); err != nil {
		return nil, err
	}
	s.id, err = s.client.Do(ctx, "CLUSTER", "MYID").Text()
	return s, err
}

// takePorts finds two free ports, one for clients and one for the other servers.
func (s *clusterServer) takePorts(ctx context.Context) error {
	var listen net.ListenConfig
	for _, port := range []*int{&s.port, &s.bus} {
		l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// open makes the client by which the server is told what to do.
func (s *clusterServer) open() (err error) {
	s.client, err = live.OpenRedis("redis://" + s.address())
	return err
}

func (s *clusterServer) address() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

func (s *clusterServer) start(ctx context.Context, program string) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open a server's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	args := []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--save", "", "--appendonly", "no", "--daemonize", "no",
	}
	if !s.isAlone {
		args = append(args, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", strconv.Itoa(s.bus),
			"--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0")
	}
	s.process = exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.process = nil
		return fmt.Errorf("start a server of the cluster: %w", err)
	}
	for {
		err := s.client.Do(ctx, "PING").Err()
		if err == nil {
			return nil
		}
		if pause(ctx) != nil {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("wait for a server of the cluster: %w: %s", err, text)
		}
	}
}

func (s *clusterServer) kill() error {
	if s.process == nil {
		return nil
	}
	err := s.process.Process.Kill()
	_ = s.process.Wait() // it was killed, and says so
	s.process = nil
	return err
}

func (s *clusterServer) meet(ctx context.Context, other *clusterServer) error {
	return s.do(ctx, "MEET", "127.0.0.1", other.port, other.bus)
}

// do runs a subcommand of CLUSTER.
func (s *clusterServer) do(ctx context.Context, args ...any) error {
	if err := s.client.Do(ctx, append([]any{"CLUSTER"}, args...)...).Err(); err != nil {
		return fmt.Errorf("tell a server of the cluster %v: %w", args, err)
	}
	return nil
}

// pause waits a moment, unless the context ends.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

var serverVersion = regexp.MustCompile(`\bv=(\d+)\.`)

// clusterProgram finds a server that has channels by slot.
func clusterProgram(ctx context.Context) (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if m := serverVersion.FindSubmatch(out); err == nil && m != nil {
			if major, err := strconv.Atoi(string(m[1])); err == nil && major >= 7 {
				return path, nil
			}
		}
	}
	return "", ErrNoCluster
}
