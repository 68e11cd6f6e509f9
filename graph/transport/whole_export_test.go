package transport

import (
	"io"
	"net"
)

// WholeConn lets tests write to a connection as a session does, first what is taken at once and then the rest, and as
// coder/websocket does.
func WholeConn(conn net.Conn) (try func([]byte) (int, error), rest func([]byte) error, control io.Writer) {
	c := newWholeConn(conn)
	return c.try, func(b []byte) error { return c.writeAll(b, func() {}) }, c
}
