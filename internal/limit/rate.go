package limit

import "time"

// A Rate is how much may be asked for. The zero Rate is no limit.
type Rate struct {
	// Burst is how much may be asked for at once.
	Burst int
	// Every is how long one of that takes to come back.
	Every time.Duration
}

// PerSecond is a Rate of so much a second, and of ten seconds' worth at once. Zero is no limit.
func PerSecond(n int) Rate { return Within(time.Second, n, 10*n) }

// Within is a Rate of n in a period, and of burst at once. Zero is no limit.
func Within(period time.Duration, n, burst int) Rate {
	if n <= 0 || burst <= 0 {
		return Rate{}
	}
	return Rate{Burst: burst, Every: max(period/time.Duration(n), 1)}
}

func (r Rate) isNone() bool { return r.Burst <= 0 || r.Every <= 0 }

// cost is how long something takes to come back. What is more than the burst costs all of it: it could
// never be had otherwise.
func (r Rate) cost(n int) time.Duration { return time.Duration(min(n, r.Burst)) * r.Every }

// full is how long all of it takes to come back.
func (r Rate) full() time.Duration { return time.Duration(r.Burst) * r.Every }

// take is the generic cell rate algorithm: what has been used is kept as the moment when all of it will be
// back. It answers that moment after taking the cost, or how long to wait until there is room for it.
func (r Rate) take(back, now, cost time.Duration) (after, wait time.Duration) {
	after = max(back, now) + cost
	if wait = after - now - r.full(); wait > 0 {
		return back, wait
	}
	return after, 0
}
