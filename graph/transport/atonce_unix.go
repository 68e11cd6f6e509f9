//go:build unix

package transport

import (
	"errors"
	"sync"
	"syscall"
)

// An attempt is to write what the system takes without waiting.
type attempt struct {
	p    []byte
	n    int
	err  error
	call func(fd uintptr) bool
}

// attempts are lent, since the closure that the system's connection wants would be made for each write.
var attempts = sync.Pool{New: func() any {
	a := &attempt{}
	a.call = a.write
	return a
}}

func (a *attempt) write(fd uintptr) bool {
	for a.n < len(a.p) && a.err == nil {
		var n int
		n, a.err = syscall.Write(int(fd), a.p[a.n:])
		a.n += max(0, n)
		if errors.Is(a.err, syscall.EINTR) {
			a.err = nil
		}
	}
	return true
}

// writeAtOnce writes what the system takes without waiting.
func writeAtOnce(conn syscall.RawConn, p []byte) (n int, err error) {
	a := attempts.Get().(*attempt)
	a.p, a.n, a.err = p, 0, nil
	if err = conn.Write(a.call); err == nil && !errors.Is(a.err, syscall.EAGAIN) {
		err = a.err
	}
	n, a.p = a.n, nil
	attempts.Put(a)
	return n, err
}
