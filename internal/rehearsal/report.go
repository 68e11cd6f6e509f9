package rehearsal

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// A Report is what a run found.
type Report struct {
	Name string
	rows []row
}

// A row is one figure; bad says that it must not be what it is.
type row struct {
	what, figure string
	bad          bool
}

// Note adds a figure for information.
func (r *Report) Note(what, format string, args ...any) {
	r.rows = append(r.rows, row{what: what, figure: fmt.Sprintf(format, args...)})
}

// Never adds a count that has to be zero.
func (r *Report) Never(what string, count int) {
	r.rows = append(r.rows, row{what, fmt.Sprint(count), count != 0})
}

// All adds a count that has to be that of all.
func (r *Report) All(what string, count, of int) {
	r.rows = append(r.rows, row{what, fmt.Sprintf("%d of %d", count, of), count != of || of == 0})
}

// Within adds a time that must not be longer than the limit.
func (r *Report) Within(what string, d, limit time.Duration) {
	r.rows = append(r.rows, row{what, Milliseconds(d), d > limit})
}

// violations are the rows that must not be what they are.
func (r *Report) violations() int {
	n := 0
	for _, row := range r.rows {
		if row.bad {
			n++
		}
	}
	return n
}

// Print writes the table, and fails if it has a violation.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s\t\t\n", r.Name)
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

// Milliseconds is a time as a report shows it.
func Milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
