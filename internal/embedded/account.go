package embedded

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// account is whom the servers work as. The zero account is ourselves.
type account struct {
	drop     bool // run as somebody else, which only root can
	name     string
	uid, gid uint32
}

// chooseAccount picks whom to work as, given the folder of existing data or "".
func chooseAccount(data string) (account, error) {
	owner, exists := owner(data)
	if os.Geteuid() != 0 {
		if exists && owner.uid != uint32(os.Geteuid()) {
			return account{}, fmt.Errorf("the data in %s belongs to %s: run as that account (or as root if root made it), or name another folder in CONVENE_DATA", data, owner.name)
		}
		return account{}, nil
	}
	if exists && owner.uid != 0 {
		return owner, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := parseID(u.Uid)
		gid, errGID := parseID(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{drop: true, name: name, uid: uid, gid: gid}, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL refuses to work for root, and this machine has neither a user postgres nor a user nobody")
}

// parseID reads an id as macOS prints it too, where nobody is -2.
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return uint32(n), err
}

// owner says whom a folder belongs to.
func owner(path string) (account, bool) {
	if path == "" {
		return account{}, false
	}
	info, err := os.Lstat(path)
	if err != nil {
		return account{}, false
	}
	uid, gid, ok := ownerIDs(info)
	if !ok {
		return account{}, false
	}
	name := strconv.Itoa(int(uid))
	if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
		name = u.Username
	}
	return account{drop: true, name: name, uid: uid, gid: gid}, true
}

// own gives a folder to the account and to nobody else.
func (a account) own(path string) error {
	if a.drop {
		if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o700)
}

// barrier is the folder on the way to path that the account cannot enter, or "".
// Access lists are not looked at: they are rare, and seldom take away.
func (a account) barrier(path string) string {
	if !a.drop {
		return ""
	}
	step := "/"
	for _, name := range append([]string{""}, strings.Split(strings.Trim(path, "/"), "/")...) {
		step = filepath.Join(step, name)
		info, err := os.Stat(step)
		if err != nil || !a.mayEnter(info) {
			return step
		}
	}
	return ""
}

func (a account) mayEnter(info os.FileInfo) bool {
	uid, gid, ok := ownerIDs(info)
	mode := info.Mode().Perm()
	switch {
	case !ok:
		return true
	case uid == a.uid:
		return mode&0o100 != 0
	case gid == a.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// environment is what the programs get to know of ours: no secrets, no PGPORT
// that would move them, and one language, because their messages are read.
func (a account) environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	names := []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "LOCALE_ARCHIVE"}
	if !a.drop {
		names = append(names, "HOME", "USER", "TMPDIR")
	}
	for _, name := range names {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
