package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/token"
)

// A house is the services that the nodes of a run share: as in production, what is acknowledged is on disk.
type house struct {
	dir      string
	services *embedded.Services
	secret   []byte
	ring     *token.Ring
	backend  backend
	// database and redis name what runs, for the table.
	database, redis string
	// crowd are people who have signed in, once somebody asked for them.
	crowd []person
}

// folderPrefix begins the names of our folders.
const folderPrefix = "convene-bench-"

func openHouse(ctx context.Context, say func(string, ...any)) (h *house, err error) {
	h = &house{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.dir, err = dataFolder(); err != nil {
		return h, err
	}
	h.services, err = embedded.Start(ctx, embedded.Options{
		Dir: h.dir, PGBin: os.Getenv("CONVENE_PG_BIN"), RedisBin: os.Getenv("CONVENE_REDIS_BIN"),
		NeedPG: true, NeedRedis: true, Log: say,
	})
	if err != nil {
		return h, err
	}
	h.secret = make([]byte, 32)
	_, _ = rand.Read(h.secret) // never fails, see crypto/rand
	if h.ring, err = token.NewRing(h.secret); err != nil {
		return h, err
	}
	d, err := db.Open(ctx, h.services.DatabaseURL, db.Options{})
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Migrate(ctx, migrate.Files, nil); err != nil {
		return h, err
	}
	if h.backend, err = askBackend(ctx, d); err != nil {
		return h, err
	}
	h.database = fmt.Sprintf("PostgreSQL %s with fsync %s and synchronous_commit %s, on %s",
		h.backend.version, h.backend.fsync, h.backend.synchronousCommit, cmp.Or(fileSystem(h.services.DataDir), "an unknown file system"))
	h.redis, _, _ = strings.Cut(h.services.RedisNote, " from ")
	return h, nil
}

// close stops the services and deletes their data.
func (h *house) close() error {
	var errs []error
	if h.services != nil {
		errs = append(errs, h.services.Close())
	}
	return errors.Join(append(errs, deleteFolder(h.dir))...)
}

// dataFolder makes a folder on a disk, for the data of services.
func dataFolder() (string, error) {
	var errs []error
	for _, root := range []string{os.TempDir(), "/var/tmp", "."} {
		if fs := fileSystem(root); fs == "tmpfs" || fs == "ramfs" {
			continue // fsync costs nothing in memory, and keeps nothing
		}
		dir, err := os.MkdirTemp(root, folderPrefix)
		if err == nil {
			// PostgreSQL refuses to work for root, and another account has to get through.
			return dir, os.Chmod(dir, 0o711)
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("find a folder on a disk: %w", errors.Join(errs...))
}

// deleteFolder deletes a folder that services have run on, with their data wherever that is.
func deleteFolder(dir string) error {
	if dir == "" {
		return nil
	}
	return errors.Join(embedded.Reset(dir), os.RemoveAll(dir))
}

// fileSystem is the kind of file system that a folder lies on; empty if unknown.
func fileSystem(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	mounts, _ := os.ReadFile("/proc/self/mounts") // Linux alone has it
	kind, longest := "", -1
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		at := strings.TrimSuffix(fields[1], "/") + "/"
		if strings.HasPrefix(dir+"/", at) && len(at) >= longest {
			kind, longest = fields[2], len(at)
		}
	}
	return kind
}
