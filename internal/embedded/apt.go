package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// apt installs PostgreSQL on Debian and its kin; its fields are the machine.
type apt struct {
	root    string // put before absolute paths
	program string // apt-get, "" where there is none
	isRoot  bool
	lock    string
	run     func(ctx context.Context, program string, args ...string) (string, error)
	log     func(string, ...any)
}

func machineApt(log func(string, ...any)) apt {
	program, _ := exec.LookPath("apt-get") // "" is the answer that is wanted
	lock := filepath.Join(os.TempDir(), "convene-apt.lock")
	if isDir("/run/lock") {
		lock = "/run/lock/convene-apt.lock"
	}
	return apt{program: program, isRoot: os.Geteuid() == 0, lock: lock, run: runApt, log: log}
}

// unusable says why PostgreSQL cannot be installed from here, or nothing.
func (a apt) unusable() string {
	_, err := os.Stat(a.root + "/etc/debian_version")
	switch {
	case err != nil || a.program == "":
		return "only on Debian, Ubuntu and their kin"
	case !a.isRoot:
		return "only root can"
	}
	return ""
}

// install installs the package unless found, asked once the machine's lock is
// held, says that another process has done so.
func (a apt) install(ctx context.Context, found func() bool) error {
	unlock, err := a.takeLock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if found() {
		return nil
	}
	// Otherwise the package would make and start a cluster of its own on 5432.
	if err := a.refuseMainCluster(); err != nil {
		return fmt.Errorf("keep the package from starting a cluster: %w", err)
	}
	a.log("no PostgreSQL here: installing it with apt-get (about half a minute, once)")
	updated := false
	if !a.haveLists() {
		if err := a.update(ctx); err != nil {
			return err
		}
		updated = true
	}
	out, err := a.get(ctx, "install", "-y", "--no-install-recommends", "postgresql")
	if err != nil && !updated && ctx.Err() == nil {
		// Old lists name files that the mirror has dropped since.
		if err := a.update(ctx); err != nil {
			return err
		}
		out, err = a.get(ctx, "install", "-y", "--no-install-recommends", "postgresql")
	}
	if err != nil {
		return fmt.Errorf("install the package: %w\n%s", err, lastLines(out, 5))
	}
	if !found() {
		return errors.New("the package is installed, but there is no usable initdb and postgres in it")
	}
	return nil
}

func (a apt) takeLock(ctx context.Context) (func(), error) {
	f, err := os.OpenFile(a.lock, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the installation: %w", err)
	}
	for waited := false; ; waited = true {
		ok, err := lockFile(f)
		if ok {
			return func() { _ = f.Close() }, nil
		}
		if err == nil {
			if !waited {
				a.log("another process is installing PostgreSQL: waiting for it")
			}
			err = pause(ctx, 100*time.Millisecond)
		}
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("wait for the lock of the installation: %w", err)
		}
	}
}

var mainClusterSetting = regexp.MustCompile(`(?m)^\s*create_main_cluster\s*=`)

// refuseMainCluster leaves a setting alone that somebody has chosen.
func (a apt) refuseMainCluster() error {
	path := a.root + "/etc/postgresql-common/createcluster.conf"
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if mainClusterSetting.Match(text) {
		return nil
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, "create_main_cluster = false\n"...), 0o644)
}

// haveLists says whether apt-get knows any packages: images come without.
func (a apt) haveLists() bool {
	lists, _ := filepath.Glob(a.root + "/var/lib/apt/lists/*_Packages*")
	return len(lists) > 0
}

func (a apt) update(ctx context.Context) error {
	if out, err := a.get(ctx, "update"); err != nil {
		return fmt.Errorf("update the package lists: %w\n%s", err, lastLines(out, 5))
	}
	return nil
}

// get asks nobody anything: it waits for another apt-get to finish, and keeps
// settings as they are, the one we have just written among them.
func (a apt) get(ctx context.Context, args ...string) (string, error) {
	return a.run(ctx, a.program, append([]string{
		"-q",
		"-o", "DPkg::Lock::Timeout=300",
		"-o", "Dpkg::Options::=--force-confdef",
		"-o", "Dpkg::Options::=--force-confold",
	}, args...)...)
}

// runApt does not interrupt apt-get when the context ends, because a half-done
// installation is worse than one that was not wanted: it is left to finish,
// which is why it prints to a file and not into a pipe that ends with us.
func runApt(ctx context.Context, program string, args ...string) (string, error) {
	out, err := os.CreateTemp("", "convene-apt-*.log")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	defer func() { _ = out.Close() }()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1", "LC_ALL=C")
	cmd.SysProcAttr = attributes(account{}, 0)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return lastWords(out.Name()), err
	case <-ctx.Done():
		return "", fmt.Errorf("apt-get goes on without us: %w", ctx.Err())
	}
}
