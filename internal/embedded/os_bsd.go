//go:build darwin || freebsd || openbsd || netbsd || dragonfly

package embedded

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// attributes leaves lastWill out: only Linux sends a signal when a parent dies.
// Elsewhere the next start ends what was left running.
func attributes(who account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: credential(who)}
}

// freeBytes is only asked about /dev/shm, which is a thing of Linux.
func freeBytes(string) uint64 { return 0 }

// commandLine is the command line of a running process, "" for a dead one.
func commandLine(pid int) string { return ps("-p", strconv.Itoa(pid))[pid] }

// commandLines are those of all running processes.
func commandLines() map[int]string { return ps("-ax") }

func ps(which ...string) map[int]string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	out, _ := run(ctx, account{}, "ps", append(which, "-ww", "-o", "pid=,stat=,command=")...)
	lines := map[int]string{}
	for line := range strings.SplitSeq(out, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[1], "Z") {
			continue
		}
		if pid, err := strconv.Atoi(fields[0]); err == nil {
			lines[pid] = strings.Join(fields[2:], " ")
		}
	}
	return lines
}
