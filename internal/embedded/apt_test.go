package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeApt is a machine whose apt-get writes down what it is asked.
type fakeApt struct {
	apt
	asked []string
	fail  map[string]int // how often a command fails
	have  bool           // PostgreSQL is there
}

func newFakeApt(t *testing.T) *fakeApt {
	t.Helper()
	f := &fakeApt{fail: map[string]int{}}
	f.apt = apt{
		root: t.TempDir(), program: "apt-get", isRoot: true, log: t.Logf,
		lock: filepath.Join(t.TempDir(), "lock"),
		run: func(_ context.Context, program string, args ...string) (string, error) {
			line := program + " " + strings.Join(args, " ")
			f.asked = append(f.asked, line)
			verb := "install"
			if strings.HasSuffix(line, " update") {
				verb = "update"
			}
			if f.fail[verb] > 0 {
				f.fail[verb]--
				return "E: the " + verb + " has failed", errors.New("exit status 100")
			}
			f.have = f.have || verb == "install"
			return "", nil
		},
	}
	f.put(t, "/etc/debian_version", "12.11\n")
	f.put(t, "/var/lib/apt/lists/deb.debian.org_bookworm_main_binary-amd64_Packages.lz4", "")
	return f
}

func (f *fakeApt) put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.root+path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.root+path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *fakeApt) conf(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(f.root + "/etc/postgresql-common/createcluster.conf")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (f *fakeApt) install(t *testing.T) error {
	t.Helper()
	return f.apt.install(t.Context(), func() bool { return f.have })
}

const (
	aptInstall = "apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install -y --no-install-recommends postgresql"
	aptUpdate  = "apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold update"
)

func TestApt(t *testing.T) {
	t.Parallel()

	t.Run("the package is installed and told to make no cluster", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		if err := f.install(t); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.asked, "\n"); got != aptInstall {
			t.Errorf("asked:\n%s", got)
		}
		if got := f.conf(t); got != "create_main_cluster = false\n" {
			t.Errorf("the setting is %q", got)
		}
	})

	t.Run("missing lists are fetched first", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		if err := os.RemoveAll(f.root + "/var/lib/apt/lists"); err != nil {
			t.Fatal(err)
		}
		if err := f.install(t); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.asked, "\n"); got != aptUpdate+"\n"+aptInstall {
			t.Errorf("asked:\n%s", got)
		}
	})

	t.Run("an installation that fails is tried again with fresh lists", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		f.fail["install"] = 1
		if err := f.install(t); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.asked, "\n"); got != aptInstall+"\n"+aptUpdate+"\n"+aptInstall {
			t.Errorf("asked:\n%s", got)
		}
	})

	t.Run("what keeps failing is an error with apt-get's words", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		f.fail["install"] = 2
		if err := f.install(t); err == nil || !strings.Contains(err.Error(), "E: the install has failed") {
			t.Errorf("the error is %v", err)
		}
		f.fail["install"], f.fail["update"] = 1, 1
		if err := f.install(t); err == nil || !strings.Contains(err.Error(), "E: the update has failed") {
			t.Errorf("the error is %v", err)
		}
	})

	t.Run("a package without programs is an error", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		if err := f.apt.install(t.Context(), func() bool { return false }); err == nil || !strings.Contains(err.Error(), "no usable initdb") {
			t.Errorf("the error is %v", err)
		}
	})

	t.Run("what another process has installed meanwhile is not installed again", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		unlock, err := f.takeLock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan struct{})
		f.log = func(string, ...any) { close(waiting) }
		done := make(chan error)
		go func() { done <- f.apt.install(t.Context(), func() bool { return true }) }()
		<-waiting
		unlock()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(f.asked) > 0 {
			t.Errorf("asked: %q", f.asked)
		}
	})

	t.Run("waiting for another process ends with the context", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		unlock, err := f.takeLock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		ctx, cancel := context.WithCancel(t.Context())
		f.log = func(string, ...any) { cancel() }
		if err := f.apt.install(ctx, func() bool { return true }); !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})

	t.Run("a setting that somebody chose stays", func(t *testing.T) {
		t.Parallel()
		for before, after := range map[string]string{
			"create_main_cluster = true\n":        "create_main_cluster = true\n",
			"#create_main_cluster = true\nx = 1":  "#create_main_cluster = true\nx = 1\ncreate_main_cluster = false\n",
			" create_main_cluster=false\nx = 1\n": " create_main_cluster=false\nx = 1\n",
		} {
			f := newFakeApt(t)
			f.put(t, "/etc/postgresql-common/createcluster.conf", before)
			if err := f.install(t); err != nil {
				t.Fatal(err)
			}
			if got := f.conf(t); got != after {
				t.Errorf("%q became %q", before, got)
			}
		}
	})

	t.Run("it is for root on Debian and its kin", func(t *testing.T) {
		t.Parallel()
		f := newFakeApt(t)
		if reason := f.unusable(); reason != "" {
			t.Errorf("root on Debian cannot: %s", reason)
		}
		f.isRoot = false
		if reason := f.unusable(); reason != "only root can" {
			t.Errorf("a person hears %q", reason)
		}
		f.isRoot, f.program = true, ""
		if reason := f.unusable(); !strings.Contains(reason, "Debian") {
			t.Errorf("without apt-get one hears %q", reason)
		}
	})
}
