package telemetry

import (
	"context"
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A Span is a part of a trace. One of nobody's trace takes everything and keeps nothing.
type Span = trace.Span

// A SpanContext names a span, to whoever goes on from it elsewhere.
type SpanContext = trace.SpanContext

// A Kind is what a span is to the one above it.
type Kind = trace.SpanKind

// The kinds of span besides the usual one, which is within.
const (
	Within   = trace.SpanKindInternal
	Calling  = trace.SpanKindClient   // asks another program, and waits
	Handing  = trace.SpanKindProducer // hands on, and does not wait
	Receives = trace.SpanKindConsumer // takes what was handed on
)

// tracer makes the spans; nil while nobody collects them.
var tracer atomic.Pointer[trace.Tracer]

// nobodys is a span that keeps nothing.
var nobodys = trace.SpanFromContext(context.Background())

// Start begins a span within the one of the context, if that one is collected. Whoever calls it ends it.
func Start(ctx context.Context, name string, kind Kind) (context.Context, Span) {
	t := tracer.Load()
	if t == nil {
		return ctx, nobodys
	}
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, nobodys
	}
	return (*t).Start(ctx, name, trace.WithSpanKind(kind))
}

// StartRequest begins the span of a request to this node, in the trace of a traceparent header or in a new one.
func StartRequest(ctx context.Context, header http.Header, name string) (context.Context, Span) {
	t := tracer.Load()
	if t == nil {
		return ctx, nobodys
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	return (*t).Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
}

// StartApart begins a trace of its own that is linked to the one of the context: for what happens on a socket,
// which is open for hours.
func StartApart(ctx context.Context, name string) (context.Context, Span) {
	t := tracer.Load()
	if t == nil {
		return ctx, nobodys
	}
	return (*t).Start(ctx, name, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithLinks(trace.LinkFromContext(ctx)))
}

// StartFrom begins a span below one that is elsewhere: in another goroutine, or on another node. nil is a span
// that is not collected.
func StartFrom(from *SpanContext, name string, kind Kind) (context.Context, Span) {
	t := tracer.Load()
	if t == nil || from == nil {
		return context.Background(), nobodys
	}
	return (*t).Start(trace.ContextWithSpanContext(context.Background(), *from), name, trace.WithSpanKind(kind))
}

// Collected names the context's span, for StartFrom; nil if it is not collected.
func Collected(ctx context.Context) *SpanContext {
	if tracer.Load() == nil {
		return nil
	}
	return named(trace.SpanContextFromContext(ctx))
}

// Name names a span, for StartFrom; nil if it is not collected.
func Name(s Span) *SpanContext {
	if s == nobodys {
		return nil
	}
	return named(s.SpanContext())
}

func named(sc SpanContext) *SpanContext {
	if !sc.IsSampled() {
		return nil
	}
	return &sc
}

// Link notes in a span that another one, perhaps of another trace, belongs to the same matter.
func Link(s Span, to *SpanContext) {
	if to != nil {
		s.AddLink(trace.Link{SpanContext: *to})
	}
}

// SetText notes something about a span: nothing that a person wrote or is called.
func SetText(s Span, key, value string) {
	if s != nobodys {
		s.SetAttributes(attribute.String(key, value))
	}
}

// SetNumber notes a number about a span.
func SetNumber(s Span, key string, value int) {
	if s != nobodys {
		s.SetAttributes(attribute.Int(key, value))
	}
}

// Fail marks a span as failed. why is a code of ours: the words of an error may hold what people wrote.
func Fail(s Span, why string) {
	if s != nobodys {
		s.SetStatus(codes.Error, why)
	}
}
