package live

import "github.com/convenehq/convene/internal/telemetry"

var (
	publishedUpdates = telemetry.NewCounter("convene_live_published_total",
		"Updates that this node committed and announced.")
	receivedUpdates = telemetry.NewCounter("convene_live_received_total",
		"Updates that came over Redis, those of this node included.")
	unsentUpdates = telemetry.NewCounter("convene_live_unsent_total",
		"Updates that were not given to Redis because its queue was full. Other nodes find them with the next update or the sweep.")
	deliveries = telemetry.NewCounter("convene_live_deliveries_total",
		"Updates and other items that were queued for a subscriber.")
	repairs = telemetry.NewCounter("convene_live_repairs_total",
		"How often a stream read from PostgreSQL what Redis had not brought, or not in time.")
	signalled = telemetry.NewCounter("convene_live_signals_total",
		"Signals, such as who is typing, that were offered to a subscriber. A slow one may not have got them.")
	droppedSignals = telemetry.NewCounter("convene_live_signals_dropped_total",
		"Signals that were dropped because too many came at once, in one stream or for Redis. Nobody misses them.")
	// finds tell of updates that got lost: none are found while Redis carries all.
	finds = telemetry.NewCounters("convene_live_finds_total",
		"Streams that turned out to have moved on unheard: found by the sweep, or when a subscription to Redis was confirmed.", "by")
	forgotten = telemetry.NewCounter("convene_live_forgotten_total",
		"How often a stream's recent updates were let go of for lack of room: whoever resumes on it costs a read of PostgreSQL.")
	resyncs = telemetry.NewCounters("convene_live_resyncs_total",
		"Subscribers that were told to fetch anew, by reason.", "reason")

	sweepFinds, confirmFinds = finds.WithLabelValues("sweep"), finds.WithLabelValues("confirmation")
)

func init() {
	// A rate begins at zero, not at the first time.
	for _, reason := range []ResyncReason{EpochChanged, CursorTooOld, TooFarBehind} {
		resyncs.WithLabelValues(string(reason))
	}
}

// Report tells operators of the hub's streams and of Redis.
func (h *Hub) Report(to *telemetry.Registry) {
	to.Gauge("convene_live_streams", "Streams that somebody on this node listens to, or did within the last half minute.", func() float64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		return float64(len(h.streams))
	})
	to.Gauge("convene_live_kept_bytes", "Recent updates, as they came and as they were rendered, that are kept for those who resume.", func() float64 {
		return float64(h.shelf.bytes())
	})
	to.Gauge("convene_redis_down", "1 while Redis is away and updates of other nodes come by the sweep, else 0.", func() float64 {
		if h.Degraded() {
			return 1
		}
		return 0
	})
	to.Gauge("convene_live_outbox", "Updates that wait to be sent to Redis.", func() float64 {
		if h.bus == nil {
			return 0
		}
		return float64(h.bus.queued())
	})
}
