package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is in what Linux counts processor time for programs, on every architecture.
const tick = 10 * time.Millisecond

// A usage is the processor time used so far: by everything on the machine, and by this program with all it
// started. Only Linux tells.
type usage struct {
	at        time.Time
	all, ours time.Duration
	capacity  time.Duration
	known     bool
}

func usageNow() usage {
	u := usage{at: time.Now()}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u
	}
	line, _, _ := strings.Cut(string(text), "\n")
	// user nice system idle iowait irq softirq steal; what follows is part of user.
	for i, field := range strings.Fields(line) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil || i > 8 {
			continue
		}
		u.capacity += time.Duration(n) * tick
		if i != 4 && i != 5 {
			u.all += time.Duration(n) * tick
		}
	}
	u.ours, err = processorTime(os.Getpid())
	u.known = err == nil
	return u
}

// othersSince is the share of the processors that other programs took; negative if unknown.
func (u usage) othersSince(before usage) float64 {
	if !u.known || !before.known || u.capacity <= before.capacity {
		return -1
	}
	others := (u.all - before.all) - (u.ours - before.ours)
	return max(0, float64(others)/float64(u.capacity-before.capacity))
}

// processorTime is what a process has used, with all that it started, be it running or over.
func processorTime(root int) (time.Duration, error) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	parent, used := map[int]int{}, map[int]time.Duration{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended just now
		}
		// The name, in parentheses, may hold anything.
		pid, rest, _ := strings.Cut(string(text), " ")
		fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
		const ppid, utime, cstime = 1, 11, 14
		id, err := strconv.Atoi(pid)
		if err != nil || len(fields) <= cstime {
			continue
		}
		parent[id], _ = strconv.Atoi(fields[ppid])
		for _, field := range fields[utime : cstime+1] {
			ticks, _ := strconv.ParseInt(field, 10, 64)
			used[id] += time.Duration(ticks) * tick
		}
	}
	if _, ok := used[root]; !ok {
		return 0, fmt.Errorf("ask for the processor time of process %d: it is not in /proc", root)
	}
	var sum time.Duration
	for id := range used {
		for at := id; at != 0; at = parent[at] {
			if at == root {
				sum += used[id]
				break
			}
		}
	}
	return sum, nil
}

// residentMB is how much memory a process has.
func residentMB(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("ask for the memory of a process: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("ask for the memory of process %d: it has none", pid)
}
