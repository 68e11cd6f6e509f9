package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// mostSaid is how many bytes a server may say while it takes one mail: some hundred times what it has to. The
// client reads whole lines and whole answers, so one that never ends would fill the memory until the deadline.
const mostSaid = 256 << 10

var errTalkative = errors.New("the server says more than any mail needs")

// dial opens a connection on which the server says no more than mostSaid; for smtps:// encrypted from the start.
func (s *SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("reach the mail server: %w", err)
	}
	conn = &boundedConn{Conn: conn, left: mostSaid}
	if !s.isTLS {
		return conn, nil
	}
	encrypted := tls.Client(conn, s.tls)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("encrypt the connection to the mail server: %w", err)
	}
	return encrypted, nil
}

// A boundedConn ends once the other side has said enough.
type boundedConn struct {
	net.Conn

	left int
}

// Read implements net.Conn.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
