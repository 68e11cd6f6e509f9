package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A loaded is what came of some seconds of requests.
type loaded struct {
	latencies []time.Duration
	took      time.Duration
}

func (l loaded) perSecond() float64 { return float64(len(l.latencies)) / l.took.Seconds() }

// load asks for inboxes over so many connections, one request after the other on each.
func load(ctx context.Context, n *node, people []person, connections int, d time.Duration) (loaded, error) {
	each := make([][]time.Duration, connections)
	work, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for i := range each {
		c, err := connect(ctx, n.url, people[i%len(people)].token, inboxRequest(usual))
		if err != nil {
			return loaded{}, errors.Join(err, work.Wait())
		}
		work.Go(func() (err error) {
			defer func() { _ = c.conn.Close() }()
			for first := true; time.Since(began) < d && ctx.Err() == nil; first = false {
				start := time.Now()
				body, err := c.ask()
				if err != nil {
					return err
				}
				each[i] = append(each[i], time.Since(start))
				if first {
					if err := checkInbox(body, usual); err != nil {
						return err
					}
				}
			}
			return ctx.Err()
		})
	}
	err := work.Wait()
	l := loaded{took: time.Since(began)}
	for _, some := range each {
		l.latencies = append(l.latencies, some...)
	}
	return l, err
}

// A client speaks just enough HTTP to take next to nothing of the processors that it shares with the node.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	body    []byte
}

func connect(ctx context.Context, url, token, body string) (*client, error) {
	host := strings.TrimPrefix(url, "http://")
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("connect to the node: %w", err)
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), request: fmt.Appendf(nil,
		"POST /graphql HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"Accept: application/graphql-response+json\r\nContent-Length: %d\r\n\r\n%s", host, token, len(body), body)}, nil
}

// ask sends the request and reads the answer, which stands until the next one.
func (c *client) ask() ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return nil, fmt.Errorf("send a request: %w", err)
	}
	status, length := "", -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, fmt.Errorf("read an answer: %w", err)
		}
		if status == "" {
			status = string(line)
			continue
		}
		if len(line) == 2 { // the empty line before the body
			break
		}
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, fmt.Errorf("read an answer: %w", err)
			}
		}
	}
	if length < 0 {
		return nil, fmt.Errorf("read an answer: it has no length: %s", status)
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	if _, err := io.ReadFull(c.in, c.body[:length]); err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return nil, fmt.Errorf("the node answered %s: %.200s", strings.TrimSpace(status), c.body[:length])
	}
	return c.body[:length], nil
}
