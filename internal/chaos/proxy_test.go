package main

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// way is a proxy with both its ends: what stands for Redis, and what stands for a node.
func way(t *testing.T) (p *proxy, redis, node net.Conn) {
	t.Helper()
	servers := make(chan net.Conn, 1)
	p, err := newProxy(t.Context(), 1, func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		servers <- b
		return a, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.begin()
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	var d net.Dialer
	node, err = d.DialContext(t.Context(), "tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return p, <-servers, node
}

const published, answered = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n", "$2\r\nok\r\n"

func TestProxy(t *testing.T) {
	t.Parallel()
	hear := func(t *testing.T, from net.Conn) string {
		t.Helper()
		_ = from.SetReadDeadline(time.Now().Add(10 * time.Second))
		value, err := readValue(bufio.NewReaderSize(from, 16)) // one value at a time
		if err != nil {
			t.Fatal(err)
		}
		return string(value)
	}
	say := func(t *testing.T, to net.Conn, text string) {
		t.Helper()
		if _, err := to.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("passes on what both say", func(t *testing.T) {
		t.Parallel()
		_, redis, node := way(t)
		say(t, redis, published)
		if got := hear(t, node); got != published {
			t.Fatalf("got %q", got)
		}
		say(t, node, string(command("PING")))
		if got := hear(t, redis); got != "*1\r\n$4\r\nPING\r\n" {
			t.Fatalf("got %q", got)
		}
	})
	t.Run("swallows some of what is published, and nothing else", func(t *testing.T) {
		t.Parallel()
		p, redis, node := way(t)
		p.set(func() { p.swallows = true })
		go func() {
			for range 100 {
				_, _ = redis.Write([]byte(published))
			}
			_, _ = redis.Write([]byte(answered))
		}()
		from, count := bufio.NewReader(node), 0
		_ = node.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			value, err := readValue(from)
			if err != nil {
				t.Fatal(err)
			}
			if string(value) == answered {
				break
			}
			count++
		}
		p.set(func() {
			if count+p.swallowed != 100 || p.swallowed == 0 || count == 0 {
				t.Errorf("%d of 100 arrived, %d were swallowed", count, p.swallowed)
			}
		})
	})
	t.Run("passes nothing while it stalls, and all of it after that", func(t *testing.T) {
		t.Parallel()
		p, redis, node := way(t)
		p.stall()
		say(t, redis, answered)
		_ = node.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := node.Read(make([]byte, 1)); err == nil {
			t.Fatalf("%d bytes passed", n)
		}
		p.flow()
		if got := hear(t, node); got != answered {
			t.Fatalf("got %q", got)
		}
	})
	t.Run("cuts what stands and takes nothing new until it is mended", func(t *testing.T) {
		t.Parallel()
		p, _, node := way(t)
		p.cut()
		_ = node.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := node.Read(make([]byte, 1)); err == nil {
			t.Fatal("the connection stands")
		}
	})
}

func TestReadValue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"+OK\r\n", "-ERR no\r\n", ":12\r\n", "$-1\r\n", "$0\r\n\r\n", "$4\r\na\r\nb\r\n", "*-1\r\n", "*0\r\n", published,
		"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", "%1\r\n+a\r\n:1\r\n", ">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nx\r\n",
	} {
		value, err := readValue(bufio.NewReader(strings.NewReader(text + "+next\r\n")))
		if err != nil || string(value) != text {
			t.Errorf("%q: got %q, %v", text, value, err)
		}
		if isPublished(value) != strings.Contains(text, "message") {
			t.Errorf("%q: published is %v", text, isPublished(value))
		}
	}
	for _, text := range []string{"", "?\r\n", "$x\r\n", "$9\r\nshort\r\n", "*2\r\n:1\r\n"} {
		if value, err := readValue(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%q: got %q", text, value)
		}
	}
}

func TestReaddress(t *testing.T) {
	t.Parallel()
	p, _, _ := way(t)
	change := readdress([]string{"127.0.0.1:7001"}, []*proxy{p})
	port := portOf(p.address())
	for text, want := range map[string]string{
		"-MOVED 12 127.0.0.1:7001\r\n":                               "-MOVED 12 127.0.0.1:" + port + "\r\n",
		"*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n$9\r\n127.0.0.1\r\n:7001\r\n": "*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + port + "\r\n",
		"$15\r\n127.0.0.1:7001\r\n\r\n":                              "$15\r\n127.0.0.1:7001\r\n\r\n",
	} {
		if got := string(change([]byte(text))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
