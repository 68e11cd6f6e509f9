package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A row is one figure.
type row struct {
	what string
	unit string
	// values has the figure of each round.
	values []float64
	// goal is what the median has to be; the zero goal is for information.
	goal goal
	// beside says what the figure was measured against, with the ratio.
	beside string
	// others is the share of all processors that other programs took meanwhile.
	others float64
}

// A goal is a bound for the median.
type goal struct {
	text  string
	isMet func(float64) bool
}

func below(limit float64, unit string) goal {
	return goal{"< " + figure(limit) + " " + unit, func(v float64) bool { return v < limit }}
}

func atMost(limit float64, unit string) goal {
	return goal{"≤ " + figure(limit) + " " + unit, func(v float64) bool { return v <= limit }}
}

// none is a goal for what must not happen at all.
var none = goal{"none", func(v float64) bool { return v == 0 }}

func (r row) verdict() string {
	switch {
	case r.goal.isMet == nil || len(r.values) == 0:
		return ""
	case r.goal.isMet(median(r.values)):
		return "met"
	default:
		return "MISSED"
	}
}

// table is what a run prints.
type table struct {
	machine machine
	rows    []row
}

func (t table) print(out io.Writer) error {
	t.machine.print(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tgoal\tmedian\tmin–max\tbeside\tverdict\tothers")
	for _, r := range t.rows {
		middle, span := "–", ""
		if len(r.values) > 0 {
			middle = strings.TrimSpace(figure(median(r.values)) + " " + r.unit)
			span = spread(r.values)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.goal.text, middle, span, r.beside, r.verdict(), share(r.others))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	_, err := fmt.Fprintf(out, "\nMedians of %d rounds. `others`: the share of all processors that other programs took meanwhile%s.\n",
		rounds, t.busy())
	return err
}

// busy says what to make of a machine that had other things to do.
func (t table) busy() string {
	worst := 0.0
	for _, r := range t.rows {
		worst = max(worst, r.others)
	}
	if worst < 0.05 {
		return ""
	}
	return ";\nthe machine was busy, so an idle one does better"
}

func share(of float64) string {
	if of < 0 {
		return "unknown"
	}
	return strconv.Itoa(int(math.Round(of*100))) + " %"
}

// figure prints a number with three significant digits, and thousands apart.
func figure(v float64) string {
	size := math.Abs(v)
	switch {
	case size == math.Trunc(size) && size < 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size < 1:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case size < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case size < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}

// percentile is the value that the given share of all values does not exceed; the values get sorted.
func percentile(values []time.Duration, of float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(0, int(math.Ceil(of*float64(len(values))))-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func spread(values []float64) string {
	return figure(slices.Min(values)) + "–" + figure(slices.Max(values))
}
