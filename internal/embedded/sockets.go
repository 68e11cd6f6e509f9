package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	pgSocket    = ".s.PGSQL.5432"
	redisSocket = "redis.sock"
	// Systems take 104 to 108 bytes for the path of a socket.
	longestSocket = 99
	shortPrefix   = "convene-"
)

// makeSocketDir makes an empty folder for the sockets that only the servers'
// account can enter (and root, which is how a root-run Convene gets in).
func (t *site) makeSocketDir() error {
	if dir := filepath.Join(t.home, "run"); fitsSocket(dir) {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear the socket folder: %w", err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("make the socket folder: %w", err)
		}
		t.sockets = dir
	} else if err := t.makeShortDir(); err != nil {
		return fmt.Errorf("make a socket folder with a short name: %w", err)
	}
	if err := t.account.own(t.sockets); err != nil {
		return fmt.Errorf("give the socket folder away: %w", err)
	}
	// Whoever cleans up after us has to know of a folder that lies apart.
	if err := t.hold.describe(func(h *holder) { h.Sockets = t.sockets }); err != nil {
		return fmt.Errorf("write down where the sockets are: %w", err)
	}
	return nil
}

// makeShortDir takes the name that the last run had, so that its URLs stay
// good, unless somebody else has taken that: everybody may write here.
func (t *site) makeShortDir() error {
	dir := filepath.Join(shortRoot(), shortPrefix+digest(t.home))
	info, err := os.Lstat(dir)
	if err == nil && info.IsDir() && t.isMine(info) {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	err = os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrExist) {
		dir, err = os.MkdirTemp(shortRoot(), shortPrefix)
	}
	t.sockets = dir
	return err
}

// isMine says whether something is ours or the servers' account's.
func (t *site) isMine(info os.FileInfo) bool {
	uid, _, ok := ownerIDs(info)
	return ours(info) || ok && t.account.drop && uid == t.account.uid
}

// removeSockets deletes a socket folder: the one of this run, or one that a
// killed run has written down.
func (t *site) removeSockets(dir string) error {
	short := filepath.Dir(dir) == shortRoot() && strings.HasPrefix(filepath.Base(dir), shortPrefix)
	if dir == "" || !short && dir != filepath.Join(t.home, "run") {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the socket folder: %w", err)
	}
	return nil
}

func shortRoot() string {
	if info, err := os.Stat("/tmp"); err == nil && info.IsDir() {
		return "/tmp"
	}
	return os.TempDir()
}

// fitsSocket wants a short path without characters that a setting of PostgreSQL
// or a URL would take for something else.
func fitsSocket(dir string) bool {
	if len(filepath.Join(dir, pgSocket)) > longestSocket {
		return false
	}
	for _, c := range []byte(dir) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/._-", c) >= 0
		if !plain {
			return false
		}
	}
	return true
}
