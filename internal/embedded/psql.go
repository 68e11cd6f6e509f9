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

// running is what the instance that runs on dir says of itself.
func running(dir string) (holder, error) {
	notRunning := fmt.Errorf("no private PostgreSQL runs on %s: start convene first", dir)
	dir, err := resolve(dir)
	if err != nil {
		return holder{}, notRunning
	}
	h := readHolder(lockPath(dir))
	if h.Sockets == "" || h.PGBin == "" {
		return holder{}, notRunning
	}
	conn, err := net.DialTimeout("unix", filepath.Join(h.Sockets, pgSocket), time.Second)
	if errors.Is(err, os.ErrPermission) {
		return holder{}, fmt.Errorf("PostgreSQL was started by process %d for another account, as which this has to run too: %w", h.PID, err)
	}
	if err != nil {
		return holder{}, notRunning
	}
	_ = conn.Close()
	return h, nil
}

// DatabaseURL reaches the database of the instance that runs on dir.
func DatabaseURL(dir string) (string, error) {
	h, err := running(dir)
	if err != nil {
		return "", err
	}
	return h.DatabaseURL, nil
}

// PSQL says what to execute for a prompt on the database of the instance that
// runs on dir: the psql of the same installation, and its arguments.
func PSQL(dir string) (path string, args []string, err error) {
	h, err := running(dir)
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(h.PGBin, "psql")
	if !isProgram(path) { // it comes in a package of its own on some systems
		if path, err = exec.LookPath("psql"); err != nil {
			return "", nil, fmt.Errorf("find psql: there is none in %s, and %w", h.PGBin, err)
		}
	}
	return path, []string{"-h", h.Sockets, "-p", "5432", "-U", database, "-d", database}, nil
}
