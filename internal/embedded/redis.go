package embedded

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
	"syscall"
	"time"
)

const (
	builtIn = "mini" // the value of CONVENE_REDIS_BIN that wants no program
	// Older ones lack commands that every living version has.
	oldestRedis = 6
	redisTime   = 5 * time.Second
)

// redisProgram is the Redis to run: a program, or the built-in one for lack of
// a path.
type redisProgram struct {
	path string
	name string // as "Redis 7.0.15"
	why  string // as the end of a sentence
}

// redisPlaces are looked through after PATH, which services often have cut.
var redisPlaces = []string{"/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/sbin", "/opt/local/bin", "/home/linuxbrew/.linuxbrew/bin"}

// findRedis finds a program, or decides for the built-in one. It is an error
// only if a person named a program that does not work. A Redis that merely runs
// somewhere is never used: its channels are shared by all its databases.
func findRedis(ctx context.Context, override string) (redisProgram, error) {
	if override == builtIn {
		return redisProgram{why: "CONVENE_REDIS_BIN asks for it"}, nil
	}
	if !supported {
		return redisProgram{why: "this system has no private sockets"}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	if override != "" {
		program, err := askRedis(ctx, override)
		if err != nil {
			return program, fmt.Errorf("CONVENE_REDIS_BIN=%s: %w; name a redis-server or valkey-server, or %q for the built-in one", override, err, builtIn)
		}
		program.why = "named by CONVENE_REDIS_BIN"
		return program, nil
	}
	reason := "there is no redis-server or valkey-server here"
	for _, path := range redisCandidates() {
		program, err := askRedis(ctx, path)
		if err == nil {
			program.why = "found on this machine, REDIS_URL is not set"
			return program, nil
		}
		reason = fmt.Sprintf("%s cannot be used (%v)", path, err)
	}
	return redisProgram{why: reason}, nil
}

func redisCandidates() []string {
	var list []string
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			list = append(list, path)
		}
		for _, dir := range redisPlaces {
			if path := filepath.Join(dir, name); isProgram(path) {
				list = append(list, path)
			}
		}
	}
	return list
}

var redisVersion = regexp.MustCompile(`(?i)\b(redis|valkey)\b.*\bv=((\d+)[.\w]*)`)

// askRedis asks a program for its version.
func askRedis(ctx context.Context, path string) (redisProgram, error) {
	path, err := exec.LookPath(path)
	if err != nil {
		return redisProgram{}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return redisProgram{}, err
	}
	out, err := run(ctx, account{}, path, "--version")
	if err != nil {
		return redisProgram{}, err
	}
	m := redisVersion.FindStringSubmatch(out)
	if m == nil {
		return redisProgram{}, fmt.Errorf("its version is %q", lastLines(out, 1))
	}
	if major, err := strconv.Atoi(m[3]); err != nil || major < oldestRedis {
		return redisProgram{}, fmt.Errorf("version %s is older than %d", m[2], oldestRedis)
	}
	return redisProgram{path: path, name: m[1] + " " + m[2]}, nil
}

// startRedis starts the program, or the built-in Redis if that is chosen or if
// a program that nobody insisted on does not start.
func (s *Services) startRedis(ctx context.Context, program redisProgram, insisted bool) error {
	if program.path == "" {
		return s.startMini(program.why)
	}
	err := s.spawnRedis(ctx, program)
	if err == nil {
		return nil
	}
	if s.redis != nil {
		err = errors.Join(err, s.redis.stop(redisStop))
		s.redis = nil
	}
	if insisted || ctx.Err() != nil {
		return err
	}
	s.site.log("using the built-in Redis: %v", err)
	return s.startMini(fmt.Sprintf("%s did not start (see %s)", program.path, s.site.logFile("redis")))
}

func (s *Services) spawnRedis(ctx context.Context, program redisProgram) error {
	t := s.site
	dir := filepath.Join(t.home, "redis")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return fmt.Errorf("make the folder of Redis: %w", err)
	}
	if err := t.account.own(dir); err != nil {
		return fmt.Errorf("give the folder of Redis away: %w", err)
	}
	logPath := t.logFile("redis")
	if err := startLog(logPath); err != nil {
		return err
	}
	socket := filepath.Join(t.sockets, redisSocket)
	c, err := spawn("Redis", t.account, syscall.SIGTERM, logPath, program.path,
		"--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
		"--save", "", "--appendonly", "no", "--dir", dir, "--daemonize", "no")
	if err != nil {
		return err
	}
	s.redis = c
	if err := waitForRedis(ctx, c, socket); err != nil {
		return err
	}
	if err := t.hold.describe(func(h *holder) { h.RedisPID = c.pid }); err != nil {
		return fmt.Errorf("write down which Redis runs: %w", err)
	}
	s.RedisURL = "unix://" + socket
	s.RedisNote = fmt.Sprintf("%s from %s (%s), private, stores nothing", program.name, program.path, program.why)
	return nil
}

func waitForRedis(ctx context.Context, c *child, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, redisTime)
	defer cancel()
	for {
		err := ping(socket)
		if err == nil {
			return nil
		}
		if c.ended() {
			return fmt.Errorf("start Redis: %w", c.obituary())
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for Redis: %w (%w)", ctx.Err(), err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func ping(socket string) error {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, len("+PONG"))
	if n, err := conn.Read(answer); err != nil || string(answer[:n]) != "+PONG" {
		return fmt.Errorf("it answers %q: %w", answer[:n], errors.Join(err, errors.New("not PONG")))
	}
	return nil
}
