package graph

import "github.com/convenehq/convene/internal/limit"

// forgive takes an attempt at registering or signing in out of the count if it tells nobody anything: it was
// right, or it was never decided.
func forgive(a limit.Attempt, tellsNothing bool) {
	if tellsNothing {
		a.Forgive()
	}
}
