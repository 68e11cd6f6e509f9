package transport

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// linger is how long a link goes on trying to write for a client that does not read, after it was given
// up: one that wakes up by then learns by the close code that it should come back.
const linger = 30 * time.Second

var (
	errBinary = errors.New("a binary message")
	errTooBig = errors.New("a message over the limit")
)

// A link is one WebSocket: it carries text messages and knows nothing of what they say. Its contexts are
// never cancelled, because coder/websocket then closes the connection without a close frame.
//
// coder/websocket does the handshakes, reads, and answers pings. Messages go out past it: a batch of them takes one
// call of the system and one copy, which under load is most of what a delivery costs.
type link struct {
	ws       *websocket.Conn
	conn     *wholeConn
	patience time.Duration
	watch    *time.Timer
	gaveUp   atomic.Bool
}

// upgrade makes a WebSocket of a request; if it can't, it has answered the request. heard is called for
// the WebSocket's own pings and pongs, stalled when nothing could be written for longer than patience.
func upgrade(w http.ResponseWriter, r *http.Request, limits Limits, heard, stalled func()) (*link, error) {
	hijacked := &hijacking{ResponseWriter: w}
	ws, err := websocket.Accept(hijacked, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the caller has looked at the Origin
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     func(context.Context, []byte) bool { heard(); return true },
		OnPongReceived:     func(context.Context, []byte) { heard() },
	})
	if err != nil {
		return nil, fmt.Errorf("upgrade to a WebSocket: %w", err)
	}
	ws.SetReadLimit(limits.Message)
	l := &link{ws: ws, conn: hijacked.conn, patience: limits.Write}
	l.watch = time.AfterFunc(time.Hour, func() {
		l.gaveUp.Store(true)
		_ = l.conn.SetWriteDeadline(time.Now().Add(linger))
		stalled()
	})
	l.watch.Stop()
	return l, nil
}

// speaks tells whether the client asked for our subprotocol; subprotocols are case-sensitive.
func (l *link) speaks(protocol string) bool { return l.ws.Subprotocol() == protocol }

// read waits for a message.
func (l *link) read() ([]byte, error) {
	kind, message, err := l.ws.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageText {
		return nil, errBinary
	}
	text, err := io.ReadAll(message)
	if errors.Is(err, websocket.ErrMessageTooBig) {
		return nil, errTooBig
	}
	return text, err
}

// messages are frames as messages, in a buffer that is lent: whoever writes the last of them gives it back.
func messages(frames []frame) *[]byte {
	batch := lend()
	for _, f := range frames {
		*batch = f.appendMessage(*batch)
	}
	return batch
}

// try writes frames without waiting. What the client does not take at once is left, for write.
func (l *link) try(frames []frame) (left *[]byte, err error) {
	left = messages(frames)
	n, err := l.conn.try(*left)
	if err != nil {
		giveBack(left)
		return nil, fmt.Errorf("write to the client: %w", err)
	}
	if n == len(*left) {
		giveBack(left)
		return nil, nil
	}
	*left = append((*left)[:0], (*left)[n:]...)
	return left, nil
}

// write writes messages, and waits for the client.
func (l *link) write(messages *[]byte) error {
	defer giveBack(messages)
	watch := func() {
		if !l.gaveUp.Load() {
			l.watch.Reset(l.patience)
		}
	}
	watch()
	defer l.watch.Stop()
	if err := l.conn.writeAll(*messages, watch); err != nil {
		return fmt.Errorf("write to the client: %w", err)
	}
	return nil
}

// appendMessage appends the frame as a text message of one WebSocket frame.
func (f frame) appendMessage(to []byte) []byte {
	const last, text = 0x80, 0x01
	to = append(to, last|text)
	switch n := f.size(); {
	case n < 126:
		to = append(to, byte(n))
	case n <= math.MaxUint16:
		to = binary.BigEndian.AppendUint16(append(to, 126), uint16(n))
	default:
		to = binary.BigEndian.AppendUint64(append(to, 127), uint64(n))
	}
	return append(append(append(to, f.head...), f.body...), f.tail...)
}

// close sends a close frame, calls sent, and waits a moment for the client's answer.
func (l *link) close(code int, reason string, sent func()) {
	l.conn.whenClosed(sent)
	_ = l.ws.Close(websocket.StatusCode(code), reason)
	sent()
	l.kill()
}

// lost is called when nothing can be read any more. Unless the client said goodbye, there is nobody to
// write to either.
func (l *link) lost(err error) {
	if websocket.CloseStatus(err) == -1 {
		l.kill()
	}
}

// kill closes the connection as it is.
func (l *link) kill() {
	_ = l.conn.Conn.Close()
	_ = l.ws.CloseNow()
}

// hijacking hands the WebSocket a connection that writes whole frames, and keeps net/http's buffers out of it:
// an idle socket would hold 8 KiB of them.
type hijacking struct {
	http.ResponseWriter
	conn *wholeConn
}

// Hijack takes the connection over.
func (h *hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = newWholeConn(conn)
	reader := buffered.Reader
	if reader.Buffered() == 0 {
		reader = bufio.NewReaderSize(conn, 1<<10)
	}
	// Large enough for a control frame, which thereby is written in one piece.
	return h.conn, bufio.NewReadWriter(reader, bufio.NewWriterSize(h.conn, 256)), nil
}
