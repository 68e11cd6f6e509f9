package live

import "github.com/convenehq/convene/internal/telemetry"

// The bits of the byte before an update's data. Without traces it is 0 or 1, as it was before there were any.
const (
	flagHidden = 1 << iota
	// flagTraced says that the name of the span which published the update stands before its data. Nodes from
	// before there were traces can not read such an update: traces are turned on once all nodes can.
	flagTraced
	// flagRemoves says that the update only takes something away.
	flagRemoves
	// flagSignal says that what Redis carries is no update but a signal. A node from before there were signals takes
	// one for an update with the number 0, which no head is below, and drops it.
	flagSignal
)

// spans are those of updates that come from collected requests: none, mostly.
type spans []telemetry.Span

func (all spans) end() {
	for _, span := range all {
		span.End()
	}
}

// publishing counts updates, and begins the spans from which their deliveries go on.
func publishing(key Key, updates []Update) (all spans) {
	publishedUpdates.Add(float64(len(updates)))
	for i, u := range updates {
		if u.Trace != nil {
			span := spanOf(key, u, "publish", telemetry.Handing)
			updates[i].Trace = telemetry.Name(span)
			all = append(all, span)
		}
	}
	return all
}

// delivering begins the spans of deliveries to this node's subscribers. The caller holds mu.
func delivering(s *stream, run []Update) (all spans) {
	for _, u := range run {
		if u.Trace != nil {
			span := spanOf(s.key, u, "deliver", telemetry.Receives)
			members := 0
			for _, g := range s.groups {
				members += len(g.members)
			}
			telemetry.SetNumber(span, "convene.subscribers", members)
			all = append(all, span)
		}
	}
	return all
}

func spanOf(key Key, u Update, what string, kind telemetry.Kind) telemetry.Span {
	_, span := telemetry.StartFrom(u.Trace, what, kind)
	telemetry.SetText(span, "convene.stream", key.Kind)
	telemetry.SetNumber(span, "convene.seq", int(u.Seq))
	return span
}
