package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// A report is what a drill found.
type report struct {
	name string
	rows []row
}

// A row is one figure; bad says that it must not be what it is.
type row struct {
	what, figure string
	bad          bool
}

// note adds a figure for information.
func (r *report) note(what, format string, args ...any) {
	r.rows = append(r.rows, row{what: what, figure: fmt.Sprintf(format, args...)})
}

// never adds a count that has to be zero.
func (r *report) never(what string, count int) {
	r.rows = append(r.rows, row{what, fmt.Sprint(count), count != 0})
}

// all adds a count that has to be that of all.
func (r *report) all(what string, count, of int) {
	r.rows = append(r.rows, row{what, fmt.Sprintf("%d of %d", count, of), count != of || of == 0})
}

// violations are the rows that must not be what they are.
func (r *report) violations() int {
	n := 0
	for _, row := range r.rows {
		if row.bad {
			n++
		}
	}
	return n
}

// print writes the table, and fails if it has a violation.
func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s\t\t\n", r.name)
	for _, row := range r.rows {
		verdict := ""
		if row.bad {
			verdict = "VIOLATED"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", row.what, row.figure, verdict)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if n := r.violations(); n > 0 {
		return errors.New("what must hold did not: see the rows marked VIOLATED")
	}
	return nil
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
