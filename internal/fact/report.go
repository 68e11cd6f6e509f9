package fact

import (
	"context"

	"github.com/convenehq/convene/internal/telemetry"
)

// Report tells operators how the queues stand. Every node tells the same.
func (l *Log) Report(to *telemetry.Registry) {
	to.Gauges([]string{"consumer"}, func(ctx context.Context) ([]telemetry.Sample, error) {
		all, err := l.Stats(ctx)
		samples := make([]telemetry.Sample, 0, len(all))
		for _, s := range all {
			samples = append(samples, telemetry.Sample{
				Labels: []string{s.Consumer},
				Values: []float64{float64(s.Depth), s.Oldest.Seconds(), float64(s.Parked)},
			})
		}
		return samples, err
	},
		telemetry.Gauge{Name: "convene_fact_queue_depth", Help: "Facts and bursts that wait for a consumer."},
		telemetry.Gauge{Name: "convene_fact_queue_oldest_seconds", Help: "For how long the one that waits longest has waited; 0 if none does."},
		telemetry.Gauge{Name: "convene_fact_parked", Help: "Subjects whose facts wait behind one that the consumer failed on: somebody has to look."},
	)
}
