package embedded

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Codes of PostgreSQL that are expected at a start.
const (
	notYet          = "57P03"
	unknownDatabase = "3D000"
)

// refusal is an error that PostgreSQL answered.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message + " (" + r.code + ")" }

// query connects over a socket as the superuser, runs a statement unless it is
// empty, and takes leave. It is all of PostgreSQL's protocol that is needed
// here: a driver would tie this package to one.
func query(ctx context.Context, socket, db, statement string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	deadline := time.Now().Add(30 * time.Second)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()

	const protocol3 = 3 << 16
	startup := binary.BigEndian.AppendUint32(nil, protocol3)
	startup = append(startup, "user\x00"+database+"\x00database\x00"+db+"\x00\x00"...)
	if err := send(conn, "", startup); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	if err := untilReady(r); err != nil || statement == "" {
		_ = send(conn, "X", nil) // a courtesy that keeps the log clean
		return err
	}
	if err := send(conn, "Q", append([]byte(statement), 0)); err != nil {
		return err
	}
	err = untilReady(r)
	_ = send(conn, "X", nil)
	return err
}

// send writes a message; the first of a connection has no kind.
func send(w io.Writer, kind string, body []byte) error {
	message := binary.BigEndian.AppendUint32([]byte(kind), uint32(len(body)+4))
	_, err := w.Write(append(message, body...))
	return err
}

// untilReady reads to the end of an answer, or of the connection after a
// refusal to let us in.
func untilReady(r *bufio.Reader) error {
	var refused error
	for {
		kind, body, err := receive(r)
		if err != nil {
			if refused != nil {
				return refused
			}
			return fmt.Errorf("read the answer of PostgreSQL: %w", err)
		}
		switch kind {
		case 'E':
			refused = parseRefusal(body)
		case 'R':
			if len(body) < 4 || binary.BigEndian.Uint32(body) != 0 {
				return fmt.Errorf("PostgreSQL asks for a password, which a private one never does")
			}
		case 'Z':
			return refused
		}
	}
}

func receive(r *bufio.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	const longest = 1 << 20 // nothing that is asked here has a long answer
	n := binary.BigEndian.Uint32(head[1:])
	if n < 4 || n > longest {
		return 0, nil, fmt.Errorf("a message of %d bytes", n)
	}
	body = make([]byte, n-4)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

func parseRefusal(body []byte) *refusal {
	var r refusal
	for field := range strings.SplitSeq(string(body), "\x00") {
		switch {
		case strings.HasPrefix(field, "C"):
			r.code = field[1:]
		case strings.HasPrefix(field, "M"):
			r.message = field[1:]
		}
	}
	return &r
}
