package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	throwawayPrefix = "convene-throwaway-"
	// A folder has the name above only while its lock exists, so that whoever
	// prunes never gets hold of one that is being made or deleted.
	hiddenPrefix = ".convene-hidden-"
	hiddenFor    = 10 * time.Minute
	roomInMemory = 1 << 30
)

// openThrowaway makes a folder for one run and deletes those of killed runs.
func openThrowaway(ctx context.Context, log func(string, ...any)) (*site, error) {
	who, err := chooseAccount("")
	if err != nil {
		return nil, err
	}
	roots := throwawayRoots()
	for _, root := range roots {
		prune(ctx, root, log)
	}
	errs := []error{errors.New("find a place for throw-away data")}
	for _, root := range roots {
		if root == memory && freeBytes(root) < roomInMemory {
			continue
		}
		if barrier := who.barrier(root); barrier != "" {
			errs = append(errs, fmt.Errorf("user %s cannot enter %s", who.name, barrier))
			continue
		}
		t, err := newThrowaway(root)
		if err == nil {
			t.account, t.log = who, log
			return t, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

const memory = "/dev/shm"

// throwawayRoots are the folders that throw-away data may be in.
func throwawayRoots() []string {
	var roots []string
	for _, root := range []string{memory, os.TempDir(), "/var/tmp", "/tmp"} {
		if root, err := resolve(root); err == nil && !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return roots
}

func newThrowaway(root string) (*site, error) {
	hidden, err := os.MkdirTemp(root, hiddenPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a throw-away folder: %w", err)
	}
	if os.Geteuid() == 0 {
		err = os.Chmod(hidden, 0o711)
	}
	var hold *hold
	if err == nil {
		hold, err = tryHold(lockPath(hidden))
	}
	dir := filepath.Join(root, throwawayPrefix+filepath.Base(hidden)[len(hiddenPrefix):])
	if err == nil {
		err = os.Rename(hidden, dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a throw-away folder: %w", err), os.RemoveAll(hidden), hold.release())
	}
	return &site{dir: dir, throwaway: true, hold: hold}, nil
}

// discard deletes a folder whose lock is held.
func discard(dir string) error {
	name, isThrowaway := strings.CutPrefix(filepath.Base(dir), throwawayPrefix)
	if !isThrowaway {
		return fmt.Errorf("%s is not a throw-away folder", dir)
	}
	hidden := filepath.Join(filepath.Dir(dir), hiddenPrefix+name)
	if err := os.Rename(dir, hidden); err != nil {
		return fmt.Errorf("discard throw-away data: %w", err)
	}
	if err := os.RemoveAll(hidden); err != nil {
		return fmt.Errorf("discard throw-away data: %w", err)
	}
	return nil
}

// prune deletes our account's throw-away folders that nobody holds any more. It
// is a kindness to the machine: what it cannot do, the next run tries again.
func prune(ctx context.Context, root string, log func(string, ...any)) {
	hidden, _ := filepath.Glob(filepath.Join(globLiteral(root), hiddenPrefix+"*"))
	for _, dir := range hidden {
		if info, err := os.Lstat(dir); err == nil && ours(info) && time.Since(info.ModTime()) > hiddenFor {
			_ = os.RemoveAll(dir)
		}
	}
	left, _ := filepath.Glob(filepath.Join(globLiteral(root), throwawayPrefix+"*"))
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !ours(info) {
			continue
		}
		hold, err := tryHold(lockPath(dir))
		if err != nil || hold == nil {
			continue
		}
		t := &site{dir: dir, home: dir, throwaway: true, hold: hold, log: log}
		t.sockets = hold.prior.Sockets
		if err := errors.Join(t.stopOrphans(ctx), t.close()); err != nil {
			log("could not delete the left-over %s: %v", dir, err)
		}
	}
}
