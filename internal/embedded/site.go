package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// site is the folder of one run and what lies in it.
//
//	dir/owner.lock     who runs on it
//	dir/elsewhere      where the rest is, if it could not be here
//	home/postgres      the cluster (while it is made: postgres.new-*)
//	home/redis         the working folder of Redis, which stores nothing
//	home/run           the sockets, unless that path is too long
//	home/log           what the servers print; the run before is in *.old
type site struct {
	dir       string
	home      string
	why       string // why home is not dir
	sockets   string
	throwaway bool
	account   account
	hold      *hold
	log       func(string, ...any)
}

func (t *site) cluster() string         { return filepath.Join(t.home, "postgres") }
func (t *site) logFile(n string) string { return filepath.Join(t.home, "log", n+".log") }

// openSite makes the folder and becomes its owner.
func openSite(ctx context.Context, o Options) (*site, error) {
	if o.Throwaway {
		return openThrowaway(ctx, o.Log)
	}
	if o.Dir == "" {
		return nil, errors.New("no data folder is named (CONVENE_DATA)")
	}
	if err := makeDir(o.Dir); err != nil {
		return nil, fmt.Errorf("make the data folder (CONVENE_DATA names another): %w", err)
	}
	dir, err := resolve(o.Dir)
	if err != nil {
		return nil, err
	}
	hold, err := takeHold(ctx, lockPath(dir))
	if err != nil {
		return nil, explain(err, dir, (*heldError).secondNode)
	}
	t := &site{dir: dir, hold: hold, log: o.Log}
	if err := t.chooseAccount(); err != nil {
		return nil, errors.Join(err, hold.release())
	}
	return t, nil
}

// chooseAccount decides for whom the data is, or is to be.
func (t *site) chooseAccount() error {
	home, err := t.locate()
	if err != nil {
		return err
	}
	cluster := ""
	if home != "" {
		cluster = filepath.Join(home, "postgres")
	}
	t.account, err = chooseAccount(cluster)
	return err
}

// settle finds the place of the data: where it is, or for new data the first
// place that the account can reach and that keeps permissions.
func (t *site) settle() error {
	// Again, because installing PostgreSQL may have made the user postgres.
	if err := t.chooseAccount(); err != nil {
		return err
	}
	home, err := t.locate()
	if err != nil {
		return err
	}
	if home != "" {
		if reason := t.unfit(home); reason != "" {
			return fmt.Errorf("the data in %s cannot be used: %s", home, reason)
		}
		t.home = home
	}
	for _, place := range t.places() {
		if t.home != "" {
			break
		}
		reason := t.unfit(place)
		if reason == "" {
			t.home = place
		} else if t.why == "" {
			t.why = reason
		}
	}
	if t.home == "" {
		return fmt.Errorf("find a place for the data: %s; name another folder in CONVENE_DATA", t.why)
	}
	return errors.Join(t.leavePointer(), t.makeLogDir())
}

// unfit says why the data cannot be at a place, or nothing.
func (t *site) unfit(place string) string {
	if err := makeDir(place); err != nil {
		return err.Error()
	}
	if info, err := os.Lstat(place); err != nil || !info.IsDir() || !ours(info) && place != t.dir {
		return place + " belongs to somebody else"
	}
	if barrier := t.account.barrier(place); barrier != "" {
		return fmt.Sprintf("user %s cannot enter %s", t.account.name, barrier)
	}
	probe, err := os.MkdirTemp(place, ".probe-")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = os.Remove(probe) }()
	if err := t.account.own(probe); err != nil {
		return err.Error()
	}
	if info, err := os.Stat(probe); err != nil || unixPermissions && info.Mode().Perm() != 0o700 {
		return "the file system of " + place + " keeps no permissions"
	}
	return ""
}

func (t *site) makeLogDir() error {
	if err := os.MkdirAll(filepath.Join(t.home, "log"), 0o700); err != nil {
		return fmt.Errorf("make the log folder: %w", err)
	}
	return nil
}

// stopOrphans ends what an owner that was killed has left running.
func (t *site) stopOrphans(ctx context.Context) error {
	if len(t.halfMade()) > 0 {
		if err := stopOrphanInitdb(ctx, filepath.Join(t.home, newCluster)); err != nil {
			return err
		}
		t.removeHalfMade()
	}
	steps := postgresStop
	if t.throwaway {
		steps = throwawayStop
	}
	if err := stopOrphanPostgres(ctx, t.cluster(), steps); err != nil {
		return err
	}
	return stopOrphanRedis(ctx, t.hold.prior)
}

// close gives the folder up; the servers have ended.
func (t *site) close() error {
	errs := []error{t.removeSockets(t.sockets)}
	if t.throwaway {
		errs = append(errs, discard(t.dir))
	}
	return errors.Join(append(errs, t.hold.release())...)
}

// erase deletes what Convene's services have put here, and only that: dir may
// hold other things, or be a folder that was named by mistake.
func (t *site) erase(ctx context.Context) error {
	home, err := t.locate()
	if err != nil {
		return err
	}
	if t.home = home; home == "" {
		t.home = t.dir
	}
	if err := t.stopOrphans(ctx); err != nil {
		return err
	}
	errs := []error{t.removeSockets(t.hold.prior.Sockets)}
	for _, name := range []string{"postgres", "redis", "run", "log"} {
		errs = append(errs, os.RemoveAll(filepath.Join(t.home, name)))
	}
	if t.home != t.dir {
		// What is left in it now, if anything, is not ours to judge.
		_ = os.Remove(t.home)
		errs = append(errs, removeIfThere(filepath.Join(t.dir, pointerName)))
	}
	return errors.Join(errs...)
}
