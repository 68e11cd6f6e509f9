package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// returningMode is the argument by which this program becomes clients that come back.
const returningMode = "returning"

// A comeback is what returning clients are asked for, over standard input.
type comeback struct {
	Endpoint     string
	Tokens       []string
	Conversation string
	After        string
	Sockets      int
	Behind       int
}

// A returned is how it went, from the first dialling to the last having all it missed.
type returned struct {
	Seconds float64
	Failed  string
}

// mostDialling is how many clients dial at once: the system's queue of connections that nobody has taken yet is not
// endless, and who does not fit into it tries again a second later.
const mostDialling = 1000

// returnTo has so many clients of a crowd come back to a GraphQL endpoint, from a process of their own: the processor
// time of this one is the node's. The clients are as cheap as can be, since they run on the same machine.
func returnTo(ctx context.Context, endpoint string, c *returning, sockets int) (r returned, err error) {
	program, err := os.Executable()
	if err != nil {
		return r, fmt.Errorf("find our own program: %w", err)
	}
	order, err := json.Marshal(comeback{endpoint, c.tokens, string(c.conversation), c.after, sockets, resumeBehind})
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, program, returningMode)
	cmd.Stderr, cmd.Stdin = os.Stderr, strings.NewReader(string(order))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("run the clients: %w", err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("read what became of the clients: %w", err)
	}
	if r.Failed != "" {
		return r, errors.New(r.Failed)
	}
	return r, nil
}

// comeBack is the life of returning clients. They stay until each has what it missed.
func comeBack(ctx context.Context, in io.Reader, out io.Writer) error {
	var o comeback
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read where to return to: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	clients, ctx := errgroup.WithContext(ctx)
	dialling := make(chan struct{}, mostDialling)
	conns := make([]net.Conn, o.Sockets)
	for i := range conns {
		clients.Go(func() (err error) {
			dialling <- struct{}{}
			c, err := dialPlain(ctx, o.Endpoint)
			<-dialling
			if err != nil {
				return err
			}
			conns[i] = c.conn
			return c.catchUp(o.Tokens[i%len(o.Tokens)], o)
		})
	}
	err := clients.Wait()
	r := returned{Seconds: time.Since(began).Seconds()}
	if err != nil {
		r.Failed = err.Error()
	}
	for _, conn := range conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
	return json.NewEncoder(out).Encode(r)
}

// A plainSocket is a WebSocket with as little to it as RFC 6455 lets a client have.
type plainSocket struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialPlain(ctx context.Context, endpoint string) (*plainSocket, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c := &plainSocket{conn, bufio.NewReaderSize(conn, 4<<10)}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", u.Path, u.Host)
	if err != nil {
		return nil, fmt.Errorf("ask for a socket: %w", err)
	}
	for first := true; ; first = false {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("ask for a socket: %w", err)
		}
		if first && !strings.Contains(line, " 101 ") {
			return nil, fmt.Errorf("ask for a socket: the node answered %q", line)
		}
		if line == "\r\n" {
			return c, nil
		}
	}
}

// catchUp signs in, subscribes, and reads until what was missed has come, in order.
func (c *plainSocket) catchUp(token string, o comeback) error {
	if err := c.send(map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}}); err != nil {
		return err
	}
	if text, err := c.next(); err != nil || !strings.Contains(string(text), `"connection_ack"`) {
		return errors.Join(err, fmt.Errorf("sign in: the node answered %.200s", text))
	}
	err := c.send(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{
		"query": watchQuery, "variables": map[string]any{"id": o.Conversation, "after": o.After},
	}})
	if err != nil {
		return err
	}
	last := int64(0)
	for come := 0; come < o.Behind; {
		text, err := c.next()
		if err != nil {
			return fmt.Errorf("wait for what was missed (%d of %d came): %w", come, o.Behind, err)
		}
		m, ok := readMark(text)
		switch {
		case !ok && strings.Contains(string(text), `"type":"ping"`):
		case !ok, last != 0 && m.seq != last+1:
			return fmt.Errorf("after number %d came %.300s", last, text)
		default:
			last = m.seq
			come++
		}
	}
	return nil
}

func (c *plainSocket) send(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	frame := []byte{0x81, 0xfe, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0} // a mask of zeros masks nothing
	if len(text) < 126 {
		frame = []byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}
	}
	if _, err := c.conn.Write(append(frame, text...)); err != nil {
		return fmt.Errorf("write to the node: %w", err)
	}
	return nil
}

func (c *plainSocket) next() ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	size := int(head[1] & 0x7f)
	if size == 126 {
		var more [2]byte
		if _, err := io.ReadFull(c.in, more[:]); err != nil {
			return nil, err
		}
		size = int(binary.BigEndian.Uint16(more[:]))
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(c.in, text); err != nil {
		return nil, err
	}
	if head[0] != 0x81 {
		return nil, fmt.Errorf("the node closed or sent no text: %q", text)
	}
	return text, nil
}
