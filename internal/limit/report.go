package limit

import "github.com/convenehq/convene/internal/telemetry"

var (
	refused = telemetry.NewCounters("convene_rate_limited_total",
		"What was refused because too much was asked for, by what was counted: account, address, sign_in_address, sign_in_login, registration, link_address.", "by")
	forgotten = telemetry.NewCounter("convene_rate_forgotten_total",
		"Accounts, addresses and logins that were forgotten for want of room while they still counted.")
)

func init() {
	for _, kind := range kinds {
		refused.WithLabelValues(string(kind))
	}
}

// Report tells operators of how many the limiter keeps count.
func (l *Limiter) Report(to *telemetry.Registry) {
	to.Gauge("convene_rate_counted", "Accounts, addresses and logins whose requests are counted now.", func() float64 {
		n := 0
		for i := range l.parts {
			p := &l.parts[i]
			p.mu.Lock()
			n += len(p.used)
			p.mu.Unlock()
		}
		return float64(n)
	})
}
