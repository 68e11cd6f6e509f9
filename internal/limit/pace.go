package limit

import "time"

// A Pace slows somebody down instead of refusing anything. It is for one goroutine; the zero Pace does not.
type Pace struct {
	rate Rate
	back time.Time
}

// NewPace is a Pace of a rate.
func NewPace(r Rate) Pace { return Pace{rate: r} }

// Next counts one more and answers how long to wait with it.
func (p *Pace) Next() time.Duration {
	if p.rate.isNone() {
		return 0
	}
	now := time.Now()
	if p.back.Before(now) {
		p.back = now
	}
	p.back = p.back.Add(p.rate.Every)
	return max(0, p.back.Sub(now)-p.rate.full())
}
