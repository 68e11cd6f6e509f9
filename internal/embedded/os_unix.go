//go:build linux || darwin || freebsd || openbsd || netbsd || dragonfly

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// supported says that private servers can be run here.
const supported = true

// unixPermissions says that the mode of a folder means something.
const unixPermissions = true

// lockFile takes a lock that ends with the process, or says that it is taken.
func lockFile(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

func ownerIDs(info os.FileInfo) (uid, gid uint32, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Uid, stat.Gid, true
}

// ours says whether something belongs to the account we run as.
func ours(info os.FileInfo) bool {
	uid, _, ok := ownerIDs(info)
	return ok && uid == uint32(os.Geteuid())
}

func credential(who account) *syscall.Credential {
	if !who.drop || os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: who.uid, Gid: who.gid}
}

// alive says whether a process has this number, be it a dead one that nobody
// has asked after.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func kill(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
