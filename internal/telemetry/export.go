package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scope names Convene's own spans among those of libraries.
const scope = "github.com/convenehq/convene"

// Export begins to collect traces and to send them, until stop, which sends what is left. Where to, how much
// of them and under which name is said by OpenTelemetry's standard environment; OTEL_TRACES_SAMPLER decides
// about requests that come without a decision.
func Export(ctx context.Context, log *slog.Logger) (stop func(context.Context) error, err error) {
	// The library's own log repeats settings that it can not read, secrets included.
	otel.SetLogger(logr.Discard())
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the exporter of traces: %w", err)
	}
	otel.SetErrorHandler(&rarely{log: log})
	return Collect(ctx, sdktrace.NewBatchSpanProcessor(exporter))
}

// Collect begins to collect traces for a processor, until stop.
func Collect(ctx context.Context, p sdktrace.SpanProcessor) (stop func(context.Context) error, err error) {
	version, _ := Version()
	about, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "convene"), attribute.String("service.version", version),
			attribute.String("service.instance.id", uuid.NewString())),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // last, so that it wins
	)
	if err != nil {
		return nil, fmt.Errorf("describe this node to the collector of traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p), sdktrace.WithResource(about))
	t := provider.Tracer(scope)
	tracer.Store(&t)
	return func(ctx context.Context) error {
		tracer.CompareAndSwap(&t, nil)
		return provider.Shutdown(ctx)
	}, nil
}

// IsCollecting tells whether traces are collected.
func IsCollecting() bool { return tracer.Load() != nil }

// rarely logs what goes wrong with the export, at most once a minute: a collector that is away is no reason
// for a line each five seconds.
type rarely struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (r *rarely) Handle(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.last) < time.Minute {
		return
	}
	r.last = time.Now()
	r.log.Warn("Traces could not be sent; requests are not held up by that", "error", err)
}
