package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// PSQL says what to execute for a prompt on the database of the instance that
// runs on dir: the psql of the same installation, and its arguments.
func PSQL(dir string) (path string, args []string, err error) {
	notRunning := fmt.Errorf("no private PostgreSQL runs on %s: start convene first", dir)
	if dir, err = resolve(dir); err != nil {
		return "", nil, notRunning
	}
	h := readHolder(lockPath(dir))
	if h.Sockets == "" || h.PGBin == "" {
		return "", nil, notRunning
	}
	conn, err := net.DialTimeout("unix", filepath.Join(h.Sockets, pgSocket), time.Second)
	if errors.Is(err, os.ErrPermission) {
		return "", nil, fmt.Errorf("PostgreSQL was started by process %d for another account, which psql needs too: %w", h.PID, err)
	}
	if err != nil {
		return "", nil, notRunning
	}
	_ = conn.Close()
	path = filepath.Join(h.PGBin, "psql")
	if !isProgram(path) { // it comes in a package of its own on some systems
		if path, err = exec.LookPath("psql"); err != nil {
			return "", nil, fmt.Errorf("find psql: there is none in %s, and %w", h.PGBin, err)
		}
	}
	return path, []string{"-h", h.Sockets, "-p", "5432", "-U", database, "-d", database}, nil
}
