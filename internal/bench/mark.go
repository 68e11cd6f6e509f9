package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// A mark is what a measured message says: which it is, and when somebody decided to send it.
type mark struct {
	round, number int
	sent          time.Time
	// seq is the message's number, in an update.
	seq int64
}

// body is the mark as a message's text, so long that an update takes about 600 bytes.
func (m mark) body() string {
	return fmt.Sprintf("mark %d %d %d: shall we meet for lunch at a quarter past twelve? There is a table at the noodle place.",
		m.round, m.number, m.sent.UnixNano())
}

var beforeMark = []byte(`"mark `)

// readMark finds the mark in the bytes of an update, or in a body with a quotation mark in front.
func readMark(text []byte) (m mark, ok bool) {
	_, rest, ok := bytes.Cut(text, beforeMark)
	if !ok {
		return m, false
	}
	rest, _, ok = bytes.Cut(rest, []byte(":"))
	fields := bytes.Fields(rest)
	if !ok || len(fields) != 3 {
		return m, false
	}
	var numbers [3]int64
	for i, field := range fields {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return m, false
		}
		numbers[i] = n
	}
	return mark{int(numbers[0]), int(numbers[1]), time.Unix(0, numbers[2]), readSeq(text)}, true
}

func readSeq(text []byte) int64 {
	_, rest, _ := bytes.Cut(text, []byte(`"seq":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	seq, _ := strconv.ParseInt(string(digits), 10, 64)
	return seq
}

var beforeCursor = []byte(`"cursor":"`)

// readCursor is the cursor of an update.
func readCursor(text []byte) []byte {
	_, rest, _ := bytes.Cut(text, beforeCursor)
	cursor, _, _ := bytes.Cut(rest, []byte(`"`))
	return cursor
}
