package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A wire is a client's WebSocket that takes next to nothing of the processors, which an audience shares with
// the node that is measured: it reads many frames in one call, and copies and checks nothing.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	long []byte // for a message that does not fit into the reader
}

// A hangup is what the node says when it closes a wire.
type hangup struct {
	code   int
	reason string
}

func (h hangup) Error() string {
	return fmt.Sprintf("the node closed the socket: %d %s", h.code, h.reason)
}

// wireBuffer holds a few messages of the usual length.
const wireBuffer = 4 << 10

// dial opens a wire, signs in and subscribes.
func dial(ctx context.Context, endpoint, token, query string, variables map[string]any) (_ *wire, err error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	w := &wire{conn: conn, in: bufio.NewReaderSize(conn, wireBuffer)}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
		u.RequestURI(), u.Host); err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	response, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("open a socket: the node answered %s", response.Status)
	}
	if err := w.send(map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}}); err != nil {
		return nil, err
	}
	if text, err := w.next(); err != nil {
		return nil, err
	} else if !bytes.Contains(text, []byte(`"connection_ack"`)) {
		return nil, fmt.Errorf("open a socket: the node answered %.200s", text)
	}
	if err := w.send(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": query, "variables": variables}}); err != nil {
		return nil, err
	}
	return w, conn.SetDeadline(time.Time{})
}

// The kinds of frame.
const (
	frameText  = 1
	frameClose = 8
	framePing  = 9
	framePong  = 10
)

func (w *wire) send(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return w.write(frameText, text)
}

// write writes one frame, masked by zeroes as clients have to mask.
func (w *wire) write(kind byte, text []byte) error {
	frame := []byte{0x80 | kind}
	switch n := len(text); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	default:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n)) //nolint:gosec // what a bench says is short
	}
	if _, err := w.conn.Write(append(append(frame, 0, 0, 0, 0), text...)); err != nil {
		return fmt.Errorf("write to a socket: %w", err)
	}
	return nil
}

// next is the next message but for pings, which it answers. It stands until the one after it.
func (w *wire) next() ([]byte, error) {
	for {
		kind, text, err := w.frame()
		switch {
		case err != nil:
			return nil, fmt.Errorf("read from a socket: %w", err)
		case kind == frameClose && len(text) >= 2:
			return nil, hangup{int(binary.BigEndian.Uint16(text)), string(text[2:])}
		case kind == frameClose:
			return nil, hangup{}
		case kind == framePing:
			err = w.write(framePong, text)
		case kind == frameText && bytes.HasPrefix(text, kindPing):
			err = w.write(frameText, []byte(`{"type":"pong"}`))
		case kind == frameText:
			return text, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (w *wire) frame() (kind byte, text []byte, err error) {
	head, err := w.in.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	kind, length, used := head[0]&0x0f, int(head[1]), 2
	switch length {
	case 126:
		if head, err = w.in.Peek(4); err != nil {
			return 0, nil, err
		}
		length, used = int(binary.BigEndian.Uint16(head[2:])), 4
	case 127:
		if head, err = w.in.Peek(10); err != nil {
			return 0, nil, err
		}
		length, used = int(binary.BigEndian.Uint64(head[2:])), 10 //nolint:gosec // a node's own messages
	}
	if _, err := w.in.Discard(used); err != nil {
		return 0, nil, err
	}
	if length <= w.in.Size() {
		text, err = w.in.Peek(length)
		if err != nil {
			return 0, nil, err
		}
		_, err = w.in.Discard(length) // what was peeked at stands until the next read
		return kind, text, err
	}
	if cap(w.long) < length {
		w.long = make([]byte, length)
	}
	_, err = io.ReadFull(w.in, w.long[:length])
	return kind, w.long[:length], err
}

func (w *wire) close() { _ = w.conn.Close() }
