package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// modes are the arguments by which this program becomes something else than the bench: a process of its own
// whose processor time and memory nobody else shares.
var modes = map[string]func(ctx context.Context, in io.Reader, out io.Writer) error{
	audienceMode:  listen,
	hostMode:      keepHost,
	returningMode: comeBack,
}

// A child is another process of this program. It is asked in JSON over its standard input and answers over its
// standard output, one question after the other.
type child struct {
	mode string
	cmd  *exec.Cmd
	in   io.Closer
	to   *json.Encoder
	from *json.Decoder
}

// A reply is what a child answers: what was asked for, or why there is none.
type reply[A any] struct {
	Answer A
	Failed string
}

// spawn starts a child, which lives until it is left or the context ends.
func spawn(ctx context.Context, mode string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, mode)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", mode, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", mode, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", mode, err)
	}
	return &child{mode, cmd, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// ask asks a child and waits for the answer.
func ask[A any](c *child, question any) (A, error) {
	var r reply[A]
	if err := c.to.Encode(question); err != nil {
		return r.Answer, fmt.Errorf("ask the %s: %w", c.mode, err)
	}
	if err := c.from.Decode(&r); err != nil {
		return r.Answer, fmt.Errorf("hear the %s's answer: %w", c.mode, err)
	}
	if r.Failed != "" {
		return r.Answer, fmt.Errorf("the %s: %s", c.mode, r.Failed)
	}
	return r.Answer, nil
}

// leave ends the child, which knows by its closed input that it is over.
func (c *child) leave() error {
	_ = c.in.Close()
	return c.cmd.Wait()
}

// obey is a child's life: it answers questions until there are none any more.
func obey[Q, A any](in io.Reader, out io.Writer, answer func(Q) (A, error)) error {
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q Q
		if err := from.Decode(&q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read a question: %w", err)
		}
		var r reply[A]
		var err error
		if r.Answer, err = answer(q); err != nil {
			r.Failed = err.Error()
		}
		if err := to.Encode(r); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}
