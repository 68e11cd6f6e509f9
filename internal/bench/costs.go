package main

import "time"

// costs is the processor time that this process and PostgreSQL have used.
type costs struct {
	own, database time.Duration
	// isWhole tells that PostgreSQL's part is known.
	isWhole bool
}

func (h *house) costs() costs {
	database, err := h.backend.processorTime()
	return costs{ownTime(), database, err == nil}
}

func (c costs) since(before costs) costs {
	return costs{c.own - before.own, c.database - before.database, c.isWhole && before.isWhole}
}

// per is the cost of one of so many.
func (c costs) per(count int) costs {
	n := time.Duration(max(1, count))
	return costs{c.own / n, c.database / n, c.isWhole}
}

// appendTo adds what is known, in milliseconds.
func (c costs) appendTo(own, database []float64) (_, _ []float64) {
	if c.own > 0 {
		own = append(own, milliseconds(c.own))
	}
	if c.isWhole {
		database = append(database, milliseconds(c.database))
	}
	return own, database
}
