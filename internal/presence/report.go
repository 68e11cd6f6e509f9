package presence

import "github.com/convenehq/convene/internal/telemetry"

var told = telemetry.NewCounter("convene_presence_changes_total",
	"How often somebody came online or went offline, anywhere, as this node found out.")

// Report tells operators of the people here.
func (t *Tracker) Report(to *telemetry.Registry) {
	to.Gauge("convene_people_online", "People who have a socket or an event stream open to this node, or had one within the last half minute.",
		func() float64 {
			t.mu.Lock()
			defer t.mu.Unlock()
			return float64(len(t.here))
		})
	to.Gauge("convene_presence_unknown", "1 while nobody can tell who is online, because Redis is away, else 0.", func() float64 {
		if _, known := t.Online(); !known {
			return 1
		}
		return 0
	})
}
