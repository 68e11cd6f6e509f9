package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	oldestMajor = 14
	// Programs that do not say their version by then are taken for broken: the
	// whole search, with an error at its end, is to stay under a second.
	searchTime = 700 * time.Millisecond
)

// ErrNoPostgres says that there is no PostgreSQL to run on and none could be
// had. Its text tells a person what was tried and what helps.
var ErrNoPostgres = errors.New("no PostgreSQL to run on")

// installation is a set of PostgreSQL programs.
type installation struct {
	bin     string // their folder
	version string // as "15.19"
	major   int
	minor   int // -1 before the release
	source  string
}

// postgresPlaces are where systems and people put PostgreSQL's programs; the
// star stands for a version, ~ for the home folder.
var postgresPlaces = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PostgreSQL's own packages for Red Hat
	"/usr/lib/postgresql*/bin",                           // openSUSE, Alpine
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin", // from source, BSD, Fedora, Arch
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew, which keeps older ones off PATH
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"~/Applications/Postgres.app/Contents/Versions/*/bin",
	"/Library/PostgreSQL/*/bin", "/opt/PostgreSQL/*/bin", // EDB's installer
	"/opt/local/lib/postgresql*/bin",                   // MacPorts
	"~/.nix-profile/bin", "/run/current-system/sw/bin", // Nix
	"~/.asdf/installs/postgres/*/bin",                                     // asdf
	"~/.local/share/mise/installs/postgres/*/bin",                         // mise
	"/opt/bitnami/postgresql/bin", "~/.pgenv/pgsql/bin", "~/.pgenv/*/bin", // images, pgenv
}

// finder looks for PostgreSQL; its fields are the machine.
type finder struct {
	root     string // put before absolute places
	home     string
	path     []string
	pgConfig func(ctx context.Context) (bin string, err error)
	version  func(ctx context.Context, program string) (string, error)
}

func newFinder(who account) finder {
	home, _ := os.UserHomeDir() // without one there are fewer places
	return finder{
		home: home,
		path: filepath.SplitList(os.Getenv("PATH")),
		pgConfig: func(ctx context.Context) (string, error) {
			return run(ctx, account{}, "pg_config", "--bindir")
		},
		// Asked as the account that is to run it, which may not be allowed to.
		version: func(ctx context.Context, program string) (string, error) {
			out, err := run(ctx, who, program, "--version")
			if err != nil && out != "" {
				err = fmt.Errorf("%w: %s", err, lastLines(out, 1))
			}
			return out, err
		},
	}
}

// all finds every installation once, in the order of the places, and says of
// each that cannot be used why.
func (f finder) all(ctx context.Context) (found []installation, rejected []string) {
	candidates := f.candidates(ctx)
	reasons := make([]string, len(candidates))
	var wait sync.WaitGroup
	for i := range candidates {
		wait.Go(func() { reasons[i] = f.ask(ctx, &candidates[i]) })
	}
	wait.Wait()
	for i, c := range candidates {
		if reasons[i] == "" {
			found = append(found, c)
		} else {
			rejected = append(rejected, c.bin+": "+reasons[i])
		}
	}
	return found, rejected
}

// candidates are the folders that hold both programs.
func (f finder) candidates(ctx context.Context) []installation {
	var list []installation
	seen := map[string]bool{}
	add := func(bin, source string) {
		if bin = realFolder(bin); bin != "" && !seen[bin] {
			seen[bin] = true
			list = append(list, installation{bin: bin, source: source})
		}
	}
	for _, dir := range f.path {
		if filepath.IsAbs(dir) {
			add(dir, "PATH")
		}
	}
	if bin, err := f.pgConfig(ctx); err == nil {
		add(bin, "pg_config")
	}
	for _, place := range postgresPlaces {
		pattern := f.root + place
		if rest, ok := strings.CutPrefix(place, "~"); ok {
			if f.home == "" {
				continue
			}
			pattern = f.home + rest
		}
		dirs, _ := filepath.Glob(pattern) // the patterns are well-formed
		for _, dir := range dirs {
			add(dir, place)
		}
	}
	return list
}

// realFolder follows links of the folder and of the programs in it, which often
// lead from a common folder into an installation, where psql is too. It returns
// "" when the programs are not there.
func realFolder(bin string) string {
	program, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres"))
	if err != nil || !isProgram(program) || !isProgram(filepath.Join(bin, "initdb")) {
		return ""
	}
	// A version manager's link leads to itself and not to an installation.
	if dir := filepath.Dir(program); isProgram(filepath.Join(dir, "initdb")) && isProgram(filepath.Join(dir, "postgres")) {
		return dir
	}
	bin, _ = filepath.EvalSymlinks(bin) // it leads somewhere: a file in it was found
	return bin
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}

var versionPattern = regexp.MustCompile(`\)\s+((\d+)(?:\.(\d+))?(\w*))`)

// ask fills in the version, or says why the installation cannot be used.
func (f finder) ask(ctx context.Context, i *installation) string {
	out, err := f.version(ctx, filepath.Join(i.bin, "postgres"))
	if err != nil {
		return "postgres --version: " + err.Error()
	}
	m := versionPattern.FindStringSubmatch(out)
	if m == nil {
		return fmt.Sprintf("postgres --version says %q", lastLines(out, 1))
	}
	i.version = m[1]
	i.major, _ = strconv.Atoi(m[2]) // digits
	i.minor, _ = strconv.Atoi(m[3]) // digits, or none
	if m[4] != "" {
		i.minor = -1
	}
	if i.major < oldestMajor {
		return fmt.Sprintf("PostgreSQL %s is older than %d", i.version, oldestMajor)
	}
	return ""
}

// choose picks the major version that made the data, or the highest when there
// is none (0). Of one major it is the highest minor, of equals the first found;
// a version before its release comes after all others.
func choose(found []installation, dataMajor int) (installation, bool) {
	fitting := slices.DeleteFunc(slices.Clone(found), func(i installation) bool {
		return dataMajor != 0 && i.major != dataMajor
	})
	if len(fitting) == 0 {
		return installation{}, false
	}
	best := fitting[0]
	for _, i := range fitting[1:] {
		if i.rank() > best.rank() {
			best = i
		}
	}
	return best, true
}

func (i installation) rank() int {
	rank := i.major*1000 + i.minor
	if i.minor < 0 {
		rank -= 1_000_000
	}
	return rank
}
