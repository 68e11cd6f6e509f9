//go:build !linux && !darwin && !freebsd && !openbsd && !netbsd && !dragonfly

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// This system has no flock and no Unix accounts, on which the promises of this
// package rest. Convene builds and runs here on services that it is given; Redis
// can be the built-in one.
const supported = false

const unixPermissions = false

var errUnsupported = errors.New("not supported on this system")

func lockFile(*os.File) (bool, error)                         { return false, errUnsupported }
func ownerIDs(os.FileInfo) (uid, gid uint32, ok bool)         { return 0, 0, false }
func ours(os.FileInfo) bool                                   { return true }
func attributes(account, syscall.Signal) *syscall.SysProcAttr { return nil }
func freeBytes(string) uint64                                 { return 0 }
func alive(int) bool                                          { return false }
func kill(int, syscall.Signal) error                          { return errUnsupported }
func commandLine(int) string                                  { return "" }
func commandLines() map[int]string                            { return nil }
