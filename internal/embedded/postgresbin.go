package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// findPostgres finds the programs for the site's data, and installs them where
// that is possible and nothing was found.
func findPostgres(ctx context.Context, o Options, t *site) (installation, error) {
	home, err := t.locate()
	if err != nil {
		return installation{}, err
	}
	major := 0
	if home != "" && !t.throwaway {
		if major, err = clusterMajor(filepath.Join(home, "postgres")); err != nil {
			return installation{}, err
		}
	}
	s := search{data: filepath.Join(home, "postgres"), major: major}
	if o.PGBin != "" {
		return s.override(ctx, o.PGBin, t.account)
	}
	s.tried("CONVENE_PG_BIN: not set")
	if best, ok := s.look(ctx, newFinder(t.account)); ok || len(s.found) > 0 {
		return best, s.fits(ok)
	}
	apt := machineApt(o.Log)
	if reason := apt.unusable(); reason != "" {
		s.tried("apt-get install postgresql: " + reason)
		return installation{}, s.failed()
	}
	ok := false
	var best installation
	err = apt.install(ctx, func() bool {
		// The package makes the user postgres, who is asked from here on.
		if err := t.chooseAccount(); err != nil {
			return false
		}
		best, ok = s.look(ctx, newFinder(t.account))
		return len(s.found) > 0
	})
	if err != nil {
		s.tried("apt-get install postgresql: " + err.Error())
		return installation{}, errors.Join(s.failed(), ctx.Err())
	}
	return best, s.fits(ok)
}

// search is one attempt to find PostgreSQL and the record of it.
type search struct {
	data     string // the existing cluster
	major    int    // its version, 0 when there is none
	found    []installation
	attempts []string
}

func (s *search) tried(what string) {
	if !slices.Contains(s.attempts, what) { // the search may run three times
		s.attempts = append(s.attempts, what)
	}
}

// look searches the machine.
func (s *search) look(ctx context.Context, f finder) (installation, bool) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	found, rejected := f.all(ctx)
	s.found = found
	if len(found) == 0 {
		s.tried("PATH, pg_config, " + postgresPlaces[0] + ", Homebrew, Postgres.app and other usual places: no usable initdb and postgres")
		for _, r := range rejected {
			s.tried("  " + r)
		}
	}
	return choose(found, s.major)
}

// override takes the folder that a person named, and nothing else.
func (s *search) override(ctx context.Context, bin string, who account) (installation, error) {
	abs, err := filepath.Abs(bin)
	if err != nil {
		return installation{}, fmt.Errorf("find CONVENE_PG_BIN: %w", err)
	}
	i := installation{bin: abs, source: "CONVENE_PG_BIN"}
	reason := ""
	for _, name := range []string{"initdb", "postgres"} {
		if !isProgram(filepath.Join(abs, name)) {
			reason = "there is no program " + name
		}
	}
	if reason == "" {
		ctx, cancel := context.WithTimeout(ctx, searchTime)
		defer cancel()
		reason = newFinder(who).ask(ctx, &i)
	}
	if reason != "" {
		s.tried(fmt.Sprintf("CONVENE_PG_BIN=%s: %s", bin, reason))
		return installation{}, s.failed()
	}
	s.found = []installation{i}
	best, ok := choose(s.found, s.major)
	return best, s.fits(ok)
}

// fits is the error of a search that found versions, but not the data's.
func (s *search) fits(ok bool) error {
	if ok {
		return nil
	}
	versions := make([]string, len(s.found))
	for i, f := range s.found {
		versions[i] = fmt.Sprintf("%s in %s", f.version, f.bin)
	}
	return fmt.Errorf("the data in %s was made by PostgreSQL %d, and only %s was found: install PostgreSQL %d, name its folder in CONVENE_PG_BIN, or set the data aside (pg_dump with version %d carries it over)",
		s.data, s.major, strings.Join(versions, ", "), s.major, s.major)
}

// failed is the error of a search that found nothing.
func (s *search) failed() error {
	return fmt.Errorf(`%w. Tried:
  - DATABASE_URL: not set
  - %s
Any one of these helps:
  1. Install it: sudo apt-get install postgresql (dnf install postgresql-server, pacman -S postgresql, apk add postgresql)
  2. On a Mac: brew install postgresql@17
  3. With Docker: docker compose up -d, then set DATABASE_URL to the database that docker-compose.yml names`,
		ErrNoPostgres, strings.Join(s.attempts, "\n  - "))
}

// clusterMajor reads which PostgreSQL made a cluster; 0 stands for no cluster.
func clusterMajor(cluster string) (int, error) {
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	return major, nil
}
