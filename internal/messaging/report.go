package messaging

import (
	"context"
	"slices"
	"time"

	"github.com/convenehq/convene/internal/telemetry"
)

var (
	appendSeconds = telemetry.NewHistogram("convene_append_duration_seconds",
		"How long a message took from the appender's queue to the disk.", telemetry.Seconds())
	appendBatch = telemetry.NewHistogram("convene_append_batch_size",
		"How many messages went in one call of append_messages; its count is the number of calls.", []float64{1, 2, 4, 8, 16, 32, 48, 64})
)

// Report tells operators of the appender.
func (s *Service) Report(to *telemetry.Registry) {
	to.Gauge("convene_append_queue", "Messages that wait for the appender. Full, at 1024, senders wait.",
		func() float64 { return float64(len(s.appender.queue)) })
}

// begin times a message's way to the disk from here, and makes a span of it in a request that is collected.
func (w *waiting) begin(ctx context.Context) {
	w.start = time.Now()
	_, w.span = telemetry.Start(ctx, "append", telemetry.Within)
}

func (w *waiting) end() {
	appendSeconds.Observe(time.Since(w.start).Seconds())
	w.span.End()
}

// spanOf is the span of a batch, and the context to call PostgreSQL with. It belongs to the first of the
// messages whose request is collected, and so is collected itself; the others are linked with it, both ways.
func spanOf(batch []*waiting) (context.Context, telemetry.Span) {
	appendBatch.Observe(float64(len(batch)))
	first := slices.IndexFunc(batch, func(w *waiting) bool { return telemetry.Name(w.span) != nil })
	if first < 0 {
		return telemetry.StartFrom(nil, "", telemetry.Within)
	}
	ctx, span := telemetry.StartFrom(telemetry.Name(batch[first].span), "append_messages", telemetry.Within)
	telemetry.SetNumber(span, "convene.messages", len(batch))
	whole := telemetry.Name(span)
	for _, w := range batch[first+1:] {
		if sent := telemetry.Name(w.span); sent != nil {
			telemetry.Link(span, sent)
			telemetry.Link(w.span, whole)
		}
	}
	return ctx, span
}
