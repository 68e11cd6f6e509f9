package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table begins a table with its heads.
func table(to io.Writer, heads ...string) *tabwriter.Writer {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	cells(w, heads...)
	return w
}

func cells(w io.Writer, texts ...string) {
	for i, text := range texts {
		if i > 0 {
			_, _ = io.WriteString(w, "\t") // what is wrong is told by Flush
		}
		if text == "" {
			text = "-"
		}
		_, _ = io.WriteString(w, text)
	}
	_, _ = io.WriteString(w, "\n")
}

// moment is a time as the person at the terminal has it on the clock.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// short is the beginning of a text, on one line.
func short(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
