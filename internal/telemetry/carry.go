package telemetry

import "go.opentelemetry.io/otel/trace"

// CarriedLength is how many bytes name a span between nodes.
const CarriedLength = 16 + 8

// AppendCarried appends the name of a collected span as other nodes read it.
func AppendCarried(to []byte, sc *SpanContext) []byte {
	traceID, spanID := sc.TraceID(), sc.SpanID()
	return append(append(to, traceID[:]...), spanID[:]...)
}

// ReadCarried reads what AppendCarried wrote, CarriedLength bytes of it; nil where nobody collects here.
func ReadCarried(b []byte) *SpanContext {
	if tracer.Load() == nil {
		return nil
	}
	return named(trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(b[:16]), SpanID: trace.SpanID(b[16:CarriedLength]),
		TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}
