package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// readValue reads one value of Redis's protocol and returns its bytes as they came.
func readValue(r *bufio.Reader) ([]byte, error) { return appendValue(nil, r) }

func appendValue(to []byte, r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	to = append(to, line...)
	number := func() (int, error) {
		n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
		if err != nil || n > 1<<29 {
			return 0, fmt.Errorf("read what Redis says: %.20q has no length", line)
		}
		return n, nil
	}
	each := func(values int) ([]byte, error) {
		for range values {
			if to, err = appendValue(to, r); err != nil {
				return nil, err
			}
		}
		return to, nil
	}
	switch line[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		return to, nil
	case '$', '=', '!':
		n, err := number()
		if err != nil || n < 0 { // -1 is null
			return to, err
		}
		begin := len(to)
		to = append(to, make([]byte, n+len("\r\n"))...)
		if _, err := io.ReadFull(r, to[begin:]); err != nil {
			return nil, err
		}
		return to, nil
	case '*', '>', '~':
		n, err := number()
		if err != nil {
			return nil, err
		}
		return each(n)
	case '%':
		n, err := number()
		if err != nil {
			return nil, err
		}
		return each(2 * n)
	default:
		return nil, errors.New("read what Redis says: it is not its protocol")
	}
}

// isPublished tells whether a value is a message that somebody published.
func isPublished(value []byte) bool {
	if len(value) == 0 || value[0] != '*' && value[0] != '>' {
		return false
	}
	_, first, _ := bytes.Cut(value, []byte("\r\n"))
	return bytes.HasPrefix(first, []byte("$7\r\nmessage\r\n")) || bytes.HasPrefix(first, []byte("$8\r\nsmessage\r\n"))
}

// command is a command as Redis reads it.
func command(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}
