package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a fake tree of installations: folder → what postgres --version
// prints there.
type machine map[string]string

func (m machine) finder(t *testing.T) finder {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for bin := range m {
		for _, name := range []string{"initdb", "postgres"} {
			putProgram(t, filepath.Join(root, bin, name))
		}
	}
	return finder{
		root: root,
		home: filepath.Join(root, "home/me"),
		pgConfig: func(context.Context) (string, error) {
			return "", errors.New("there is none")
		},
		version: func(_ context.Context, program string) (string, error) {
			bin, _ := filepath.Rel(root, filepath.Dir(program))
			out, ok := m["/"+bin]
			if !ok || out == "" {
				return "", fmt.Errorf("%s: exec format error", program)
			}
			return out, nil
		},
	}
}

func putProgram(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
}

func version(v string) string { return "postgres (PostgreSQL) " + v }

func TestFind(t *testing.T) {
	t.Parallel()
	debian := machine{
		"/usr/lib/postgresql/13/bin": version("13.21"),
		"/usr/lib/postgresql/15/bin": version("15.19 (Debian 15.19-0+deb12u1)"),
		"/usr/lib/postgresql/17/bin": version("17.5 (Debian 17.5-1.pgdg120+1)"),
	}
	for name, tt := range map[string]struct {
		machine machine
		path    []string
		data    int
		want    string // the folder and version, or ""
	}{
		"the highest version is taken without data": {
			machine: debian, want: "/usr/lib/postgresql/17/bin 17.5",
		},
		"the data's version wins": {
			machine: debian, data: 15, want: "/usr/lib/postgresql/15/bin 15.19",
		},
		"a version that is too old is not found, also for data": {
			machine: debian, data: 13,
		},
		"a version that is missing is not replaced by another": {
			machine: debian, data: 16,
		},
		"an empty machine has nothing": {},
		"PATH comes first among equals": {
			machine: machine{"/opt/mine": version("17.5"), "/usr/lib/postgresql/17/bin": version("17.5")},
			path:    []string{"/opt/mine"}, want: "/opt/mine 17.5",
		},
		"the higher minor version wins over PATH": {
			machine: machine{"/opt/mine": version("17.4"), "/usr/lib/postgresql/17/bin": version("17.5")},
			path:    []string{"/opt/mine"}, want: "/usr/lib/postgresql/17/bin 17.5",
		},
		"a release is better than a higher version that is none yet": {
			machine: machine{"/usr/pgsql-19/bin": version("19beta2"), "/usr/pgsql-14/bin": version("14.18")},
			want:    "/usr/pgsql-14/bin 14.18",
		},
		"a version before its release is better than nothing": {
			machine: machine{"/usr/local/pgsql/bin": version("19devel")}, want: "/usr/local/pgsql/bin 19devel",
		},
		"Homebrew and Postgres.app are looked into": {
			machine: machine{
				"/opt/homebrew/opt/postgresql@16/bin":                 version("16.9 (Homebrew)"),
				"/Applications/Postgres.app/Contents/Versions/18/bin": version("18.0 (Postgres.app)"),
			},
			want: "/Applications/Postgres.app/Contents/Versions/18/bin 18.0",
		},
		"the home folder is looked into": {
			machine: machine{"/home/me/.asdf/installs/postgres/16.2/bin": version("16.2")},
			want:    "/home/me/.asdf/installs/postgres/16.2/bin 16.2",
		},
		"what does not run or makes no sense is passed over": {
			machine: machine{"/usr/lib/postgresql/18/bin": "", "/usr/lib/postgresql/17/bin": "hello", "/usr/bin": version("16.1")},
			want:    "/usr/bin 16.1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := tt.machine.finder(t)
			for _, dir := range tt.path {
				f.path = append(f.path, f.root+dir)
			}
			found, _ := f.all(t.Context())
			got := ""
			if best, ok := choose(found, tt.data); ok {
				got = strings.TrimPrefix(best.bin, f.root) + " " + best.version
			}
			if got != tt.want {
				t.Errorf("got %q, want %q, from %+v", got, tt.want, found)
			}
		})
	}

	t.Run("an installation is found once, where its programs really are", func(t *testing.T) {
		t.Parallel()
		f := machine{"/usr/lib/postgresql/15/bin": version("15.19")}.finder(t)
		really := f.root + "/usr/lib/postgresql/15/bin"
		links := f.root + "/links"
		if err := os.Mkdir(links, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"initdb", "postgres"} {
			if err := os.Symlink(filepath.Join(really, name), filepath.Join(links, name)); err != nil {
				t.Fatal(err)
			}
		}
		f.path = []string{links, really + "/../bin"}
		f.pgConfig = func(context.Context) (string, error) { return really, nil }
		found, rejected := f.all(t.Context())
		if len(found) != 1 || found[0].bin != really || found[0].source != "PATH" || len(rejected) > 0 {
			t.Errorf("found %+v, rejected %q", found, rejected)
		}
	})

	t.Run("what pg_config names is found", func(t *testing.T) {
		t.Parallel()
		f := machine{"/somewhere": version("16.3")}.finder(t)
		f.pgConfig = func(context.Context) (string, error) { return f.root + "/somewhere", nil }
		if found, _ := f.all(t.Context()); len(found) != 1 || found[0].source != "pg_config" {
			t.Errorf("found %+v", found)
		}
	})

	t.Run("each rejection has its reason", func(t *testing.T) {
		t.Parallel()
		f := machine{"/usr/lib/postgresql/13/bin": version("13.21"), "/usr/lib/postgresql/14/bin": ""}.finder(t)
		_, rejected := f.all(t.Context())
		if got := strings.Join(rejected, "\n"); !strings.Contains(got, "13.21 is older than 14") || !strings.Contains(got, "exec format error") {
			t.Errorf("rejected: %s", got)
		}
	})
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	name := digest("/checkout/.data")
	for what, tt := range map[string]struct {
		uid            int
		home, dataHome string
		want           string
	}{
		"root's data goes to the system's folders":     {uid: 0, home: "/root", want: "/var/lib/convene/" + name + " /var/tmp/convene-" + name},
		"a person's data goes to the home folder":      {uid: 1000, home: "/home/me", want: "/home/me/.local/share/convene/" + name + " /var/tmp/convene-1000-" + name},
		"XDG_DATA_HOME is followed":                    {uid: 1000, home: "/home/me", dataHome: "/data", want: "/data/convene/" + name + " /var/tmp/convene-1000-" + name},
		"a relative XDG_DATA_HOME is none":             {uid: 1000, home: "/home/me", dataHome: "data", want: "/home/me/.local/share/convene/" + name + " /var/tmp/convene-1000-" + name},
		"without a home folder there is still a place": {uid: 1000, want: "/var/tmp/convene-1000-" + name},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(elsewhere("/checkout/.data", tt.uid, tt.home, tt.dataHome), " "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFitsSocket(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]bool{
		"/home/me/convene/.data/run":    true,
		"/home/me/my convene/.data/run": false,
		"/home/me/a,b/run":              false,
		"/home/me/ünicode/run":          false,
		"/" + strings.Repeat("x", 84):   true,
		"/" + strings.Repeat("x", 85):   false,
	} {
		if got := fitsSocket(dir); got != want {
			t.Errorf("%s (%d bytes): %v", dir, len(dir), got)
		}
	}
}
