package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// newCluster begins the name of the cluster's folder while it is made. It gets
// its own name when it is whole: a start that was killed half-way leaves nothing
// that the next one could take for data. The rest of the name is never used
// again, because what that start has left running may write for a moment more.
const newCluster = "postgres.new-"

// makeCluster makes the cluster if there is none.
func (t *site) makeCluster(ctx context.Context, pg installation) error {
	major, err := clusterMajor(t.cluster())
	if err != nil || major != 0 {
		return err
	}
	// Remove takes an empty folder away, which is in the way of the new name,
	// and refuses one that holds anything.
	if err := removeIfThere(t.cluster()); err != nil {
		return fmt.Errorf("%s holds something that is not a cluster, move it away: %w", t.cluster(), err)
	}
	t.log("making a new PostgreSQL %d cluster in %s", pg.major, t.cluster())
	var fresh string
	for _, locale := range []string{"C.UTF-8", "C"} {
		var out string
		if fresh, out, err = t.initdb(ctx, pg, locale); err == nil {
			break
		}
		t.removeHalfMade()
		// Not every system knows C.UTF-8.
		if locale == "C" || !strings.Contains(out, "locale") {
			return fmt.Errorf("make a cluster: %w\n%s", err, lastLines(out, 15))
		}
	}
	if err := os.Rename(fresh, t.cluster()); err != nil {
		return fmt.Errorf("give the new cluster its name: %w", err)
	}
	if t.throwaway {
		return nil
	}
	if err := syncDir(t.home); err != nil {
		return fmt.Errorf("keep the name of the new cluster: %w", err)
	}
	return nil
}

// halfMade are the folders of clusters that were not finished.
func (t *site) halfMade() []string {
	dirs, _ := filepath.Glob(filepath.Join(globLiteral(t.home), newCluster+"*"))
	return dirs
}

// removeHalfMade does what it can: what cannot be removed yet will be later.
func (t *site) removeHalfMade() {
	for _, dir := range t.halfMade() {
		_ = os.RemoveAll(dir)
	}
}

func (t *site) initdb(ctx context.Context, pg installation, locale string) (fresh, out string, err error) {
	if fresh, err = os.MkdirTemp(t.home, newCluster); err != nil {
		return "", "", err
	}
	if err := t.account.own(fresh); err != nil {
		return "", "", err
	}
	args := []string{
		"--pgdata=" + fresh, "--username=" + database, "--auth=trust",
		"--encoding=UTF8", "--locale=" + locale, "--data-checksums", "--no-instructions",
	}
	if t.throwaway {
		args = append(args, "--no-sync", "--wal-segsize=4")
	}
	out, err = run(ctx, t.account, filepath.Join(pg.bin, "initdb"), args...)
	return fresh, out, err
}

// syncDir makes a rename in a folder survive a power cut.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	err = f.Sync()
	// Some file systems have nothing to sync in a folder, and say so.
	if errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	return err
}
