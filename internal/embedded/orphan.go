package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clusterName stands in the titles of a cluster's processes.
func clusterName(cluster string) string { return "convene-" + digest(cluster) }

// stopOrphanPostgres ends the server that a killed owner has left on a cluster,
// with its backends, and clears what would keep a new one from starting. The
// caller owns the folder, so whatever runs on it has no owner.
func stopOrphanPostgres(ctx context.Context, cluster string, steps []step) error {
	pidFile := filepath.Join(cluster, "postmaster.pid")
	pid := firstNumber(pidFile)
	if pid == 0 {
		return nil
	}
	isServer := func() bool { return isPostmaster(commandLine(pid), cluster) }
	if isServer() {
		if err := stopProcess(ctx, pid, steps, isServer); err != nil {
			return fmt.Errorf("stop the PostgreSQL that was left running on %s: %w", cluster, err)
		}
	}
	if err := stopBackends(ctx, cluster); err != nil {
		return err
	}
	// Nothing runs on the cluster any more. If the number in the file belongs to
	// some process nevertheless, it was given out anew, and PostgreSQL, which
	// cannot tell, would refuse to start.
	if alive(pid) {
		if err := removeIfThere(pidFile); err != nil {
			return fmt.Errorf("remove the sign of a dead PostgreSQL: %w", err)
		}
	}
	return nil
}

// stopOrphanInitdb waits for the initdb of a killed start, which ends after its
// present step and then leaves nothing behind. Deleting its folder before that
// would make its servers crash and leave shared memory behind.
func stopOrphanInitdb(ctx context.Context, folders string) error {
	option := " --pgdata=" + folders
	for pid, line := range commandLines() {
		if !strings.Contains(line, option) {
			continue
		}
		isInitdb := func() bool { return strings.Contains(commandLine(pid), option) }
		if err := stopProcess(ctx, pid, initdbStop, isInitdb); err != nil {
			return fmt.Errorf("stop the initdb that was left running: %w", err)
		}
	}
	return nil
}

// isPostmaster recognises the server of a cluster by its command line.
func isPostmaster(line, cluster string) bool {
	program, rest, _ := strings.Cut(line, " ")
	return filepath.Base(program) == "postgres" && strings.HasPrefix(rest+" ", "-D "+cluster+" ")
}

// stopBackends waits for the backends of a dead server, which leave by
// themselves unless they are busy, and kills those that stay: the log of the
// cluster makes up for it.
func stopBackends(ctx context.Context, cluster string) error {
	title := "postgres: " + clusterName(cluster) + ": "
	for pid, line := range commandLines() {
		if !strings.HasPrefix(line, title) {
			continue
		}
		isBackend := func() bool { return strings.HasPrefix(commandLine(pid), title) }
		steps := []step{{0, 2 * time.Second}, {syscall.SIGQUIT, 2 * time.Second}, {syscall.SIGKILL, 2 * time.Second}}
		if err := stopProcess(ctx, pid, steps, isBackend); err != nil {
			return fmt.Errorf("stop a left-over backend of %s: %w", cluster, err)
		}
	}
	return nil
}

// stopProcess signals a process that is not our child until it is gone.
func stopProcess(ctx context.Context, pid int, steps []step, exists func() bool) error {
	for _, s := range steps {
		if !exists() {
			return nil
		}
		if err := kill(pid, s.signal); err != nil {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
		for until := time.Now().Add(s.wait); time.Now().Before(until); {
			if !exists() {
				return nil
			}
			if err := pause(ctx, 2*time.Millisecond); err != nil {
				return err
			}
		}
	}
	if exists() {
		return fmt.Errorf("process %d does not end", pid)
	}
	return nil
}

// stopOrphanRedis ends the Redis that the prior owner of the folder has left.
// It is ours only if it answers on our socket with the number written down, or
// bears the path of that socket in its title.
func stopOrphanRedis(ctx context.Context, prior holder) error {
	if prior.RedisPID == 0 || prior.Sockets == "" {
		return nil
	}
	socket := filepath.Join(prior.Sockets, redisSocket)
	answers := redisPID(socket) == prior.RedisPID
	isOurs := func() bool {
		line := commandLine(prior.RedisPID)
		return line != "" && (answers || strings.Contains(line, socket))
	}
	if err := stopProcess(ctx, prior.RedisPID, redisStop, isOurs); err != nil {
		return fmt.Errorf("stop the Redis that was left running: %w", err)
	}
	return nil
}

// redisPID asks a Redis for its process, and returns 0 if nobody answers.
func redisPID(socket string) int {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	if errors.Join(conn.SetDeadline(time.Now().Add(time.Second)), sendInfo(conn)) != nil {
		return 0
	}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "process_id:"); ok {
			pid, _ := strconv.Atoi(text) // 0 is the answer to nonsense
			return pid
		}
	}
	return 0
}

func sendInfo(conn net.Conn) error {
	_, err := conn.Write([]byte("INFO server\r\n"))
	return err
}

// firstNumber is the number in the first line of a file, or 0.
func firstNumber(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	n, _ := strconv.Atoi(strings.TrimSpace(line)) // 0 is the answer to nonsense
	return n
}
