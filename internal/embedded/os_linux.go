package embedded

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

func attributes(who account, lastWill syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: lastWill, Credential: credential(who)}
}

func freeBytes(path string) uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0
	}
	return fs.Bavail * uint64(fs.Bsize)
}

// commandLine is the command line of a running process, "" for a dead one.
func commandLine(pid int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(bytes.ReplaceAll(text, []byte{0}, []byte{' '}), " "))
}

// commandLines are those of all running processes.
func commandLines() map[int]string {
	entries, _ := os.ReadDir("/proc")
	lines := make(map[int]string, len(entries))
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if line := commandLine(pid); line != "" {
				lines[pid] = line
			}
		}
	}
	return lines
}
