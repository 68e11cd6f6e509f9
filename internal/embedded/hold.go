package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrHeld says that another process runs on the data folder.
var ErrHeld = errors.New("the data folder is in use")

const (
	lockName = "owner.lock"
	// A holder that is about to end is waited for, so that a restart need not
	// be timed; a holder that stays is refused at once.
	stoppingPatience = 25 * time.Second
	// Between taking the lock and writing its name down a holder is unknown.
	namingPatience = 300 * time.Millisecond
	forkPatience   = 2 * time.Second
)

// holder is what the lock file tells about the process that holds it.
type holder struct {
	PID         int       `json:"pid"`
	Host        string    `json:"host"`
	Since       time.Time `json:"since"`
	Stopping    bool      `json:"stopping,omitempty"`
	DatabaseURL string    `json:"database_url,omitempty"`
	RedisURL    string    `json:"redis_url,omitempty"`
	PGBin       string    `json:"pg_bin,omitempty"`
	Sockets     string    `json:"sockets,omitempty"`
	RedisPID    int       `json:"redis_pid,omitempty"`
}

// hold is the ownership of a data folder: a lock of the kernel, which a killed
// process gives up by itself.
type hold struct {
	file   *os.File
	holder holder
	prior  holder // who held it before, for the orphans that one may have left
}

func lockPath(dir string) string { return filepath.Join(dir, lockName) }

// takeHold becomes the owner, or tells by a heldError who is.
func takeHold(ctx context.Context, path string) (*hold, error) {
	var (
		began = time.Now()
		held  heldError
	)
	for {
		h, err := tryHold(path)
		if err != nil || h != nil {
			return h, err
		}
		held.holder = readHolder(path)
		patience := namingPatience
		switch {
		case held.Stopping:
			patience = stoppingPatience
		case held.Host == hostname() && held.PID == os.Getpid():
			// We let go of it ourselves; a child of ours that has yet to exec may still have it open.
			patience = forkPatience
		case held.Host == hostname() && alive(held.PID):
			patience = 0
		}
		if time.Since(began) >= patience {
			return nil, &held
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return nil, errors.Join(err, &held)
		}
	}
}

// tryHold returns nil and no error when somebody else holds it.
func tryHold(path string) (*hold, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	ok, err := lockFile(f)
	if err != nil || !ok {
		_ = f.Close()
		if err != nil {
			err = fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, err
	}
	h := &hold{file: f, prior: readHolder(path)}
	err = h.describe(func(who *holder) {
		*who = holder{PID: os.Getpid(), Host: hostname(), Since: time.Now()}
	})
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("sign the lock of the data folder: %w", err)
	}
	return h, nil
}

// describe changes what others read about the holder. The text is written
// before the file is cut to length, and read as the first value of the file, so
// that no reader finds half of it.
func (h *hold) describe(change func(*holder)) error {
	change(&h.holder)
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // people copy the URLs from here
	e.SetIndent("", "  ")
	if err := e.Encode(h.holder); err != nil {
		return err
	}
	if _, err := h.file.WriteAt(text.Bytes(), 0); err != nil {
		return err
	}
	return h.file.Truncate(int64(text.Len()))
}

// release empties the file first: what it named no longer runs.
func (h *hold) release() error {
	if h == nil {
		return nil
	}
	return errors.Join(h.file.Truncate(0), h.file.Close())
}

func readHolder(path string) holder {
	var h holder
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer func() { _ = f.Close() }()
	if err := json.NewDecoder(f).Decode(&h); err != nil {
		return holder{}
	}
	return h
}

// heldError names the process that holds a data folder.
type heldError struct{ holder }

func (e *heldError) Error() string {
	if e.PID == 0 {
		return ErrHeld.Error() + " by another process"
	}
	where := ""
	if e.Host != hostname() {
		where = " on " + e.Host
	}
	return fmt.Sprintf("%v by process %d%s since %s", ErrHeld, e.PID, where, e.Since.Format("2006-01-02 15:04:05"))
}

func (e *heldError) Is(target error) bool { return target == ErrHeld }

// explain adds to the reason why a folder cannot be held what to do about it.
func explain(err error, dir string, advice func(*heldError) string) error {
	var held *heldError
	if errors.As(err, &held) {
		return fmt.Errorf("%s: %w; %s", dir, err, advice(held))
	}
	if who, ok := owner(lockPath(dir)); ok && errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w (it belongs to %s: work as that account, or name another folder in CONVENE_DATA)", err, who.name)
	}
	return err
}

func (e *heldError) stopFirst() string { return fmt.Sprintf("stop that one first (kill %d)", e.PID) }

// secondNode is the advice for a start; the line is ready to paste.
func (e *heldError) secondNode() string {
	advice := fmt.Sprintf("stop that one (kill %d) or name another folder in CONVENE_DATA", e.PID)
	if e.DatabaseURL != "" && e.RedisURL != "" {
		advice += fmt.Sprintf(", or start a second node on its services: ADDR=127.0.0.1:8081 DATABASE_URL='%s' REDIS_URL='%s' convene",
			e.DatabaseURL, e.RedisURL)
	}
	return advice
}

func hostname() string {
	name, _ := os.Hostname() // without a name there is only one host to speak of
	return name
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
