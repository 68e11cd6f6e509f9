package transport

import (
	"context"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/telemetry"
)

// A carrier is what brings an operation here.
type carrier string

const (
	overHTTP   carrier = "http"
	overSocket carrier = "websocket"
	overEvents carrier = "sse"
)

// Neither metric has the operation's name: clients choose it, and each would be a new series.
var (
	operationsDone = telemetry.NewCounters("convene_graphql_operations_total",
		"GraphQL operations by transport, type (none: not a valid document) and outcome: OK or the code of the first error. A subscription counts when it stands or is refused.",
		"transport", "type", "code")
	operationSeconds = telemetry.NewHistograms("convene_graphql_operation_duration_seconds",
		"How long a GraphQL operation was executed, by transport and type; a subscription until it stood.",
		telemetry.Seconds(), "transport", "type")
	closed = telemetry.NewCounters("convene_connections_closed_total",
		"WebSockets and event streams that ended, by close code; 0: the client was gone.", "code")
	slowClosed = telemetry.NewCounters("convene_slow_clients_closed_total",
		"Clients that were closed because they did not keep up, by close code; 0: nothing could be written any more.", "code")
	turnedAway = telemetry.NewCounters("convene_connections_refused_total",
		"WebSockets and event streams that were not taken because the account or the address has too many open.", "by")
	slowed = telemetry.NewCounter("convene_socket_messages_slowed_total",
		"Messages that were read later because their socket sends too many.")
	tooLarge = telemetry.NewCounters("convene_results_too_large_total",
		"Results that were not sent because they are too large, by transport.", "transport")
)

func init() {
	for _, e := range []ending{endGone, endDone, endSilent, endRestart, endSlow, endForbidden} {
		closed.WithLabelValues(strconv.Itoa(e.code))
	}
	slowClosed.WithLabelValues(strconv.Itoa(endSlow.code))
	for _, by := range shortOfRoom {
		turnedAway.WithLabelValues(by)
	}
	for _, over := range []carrier{overSocket, overEvents} {
		tooLarge.WithLabelValues(string(over))
	}
}

// Report tells operators of what is open.
func (h *Handler) Report(to *telemetry.Registry) {
	to.Gauge("convene_sockets_open", "WebSockets that are open.", func() float64 { return float64(h.Stats().Sockets) })
	to.Gauge("convene_event_streams_open", "Event streams (SSE) that are open.", func() float64 { return float64(h.Stats().Streams) })
	to.Gauge("convene_subscriptions_open", "Subscriptions that run, over all sockets and event streams.",
		func() float64 { return float64(h.Stats().Subscriptions) })
}

// A measurement is of one operation's execution.
type measurement struct {
	over  carrier
	kind  string
	start time.Time
	span  telemetry.Span
}

// measure begins to measure an operation. On a socket each has a trace of its own.
func measure(ctx context.Context, over carrier, op *graphql.OperationContext) (context.Context, measurement) {
	m := measurement{over: over, kind: string(op.Operation.Operation), start: time.Now()}
	if over == overSocket {
		ctx, m.span = telemetry.StartApart(ctx, m.kind)
	} else {
		ctx, m.span = telemetry.Start(ctx, m.kind, telemetry.Within)
	}
	if telemetry.Name(m.span) != nil {
		m.span.SetName(m.kind + " " + rootField(op.Operation.SelectionSet))
		telemetry.SetText(m.span, "graphql.operation.type", m.kind)
		telemetry.SetText(m.span, "convene.transport", string(over))
	}
	return ctx, m
}

func (m measurement) end(code fault.Code) {
	operationSeconds.WithLabelValues(string(m.over), m.kind).Observe(time.Since(m.start).Seconds())
	countOperation(m.over, m.kind, code)
	if code != "" {
		telemetry.Fail(m.span, string(code))
	}
	m.span.End()
}

func countOperation(over carrier, kind string, code fault.Code) {
	if code == "" {
		code = "OK"
	}
	operationsDone.WithLabelValues(string(over), kind, string(code)).Inc()
}

// outcome is the code of the first error; empty if there is none.
func outcome(errs gqlerror.List) fault.Code {
	if len(errs) == 0 {
		return ""
	}
	code, known := codeOf(errs[0])
	if !known {
		return fault.CodeInternal
	}
	return code
}

// rootField is the first field that an operation selects: a name of the schema's, which a trace may bear.
func rootField(set ast.SelectionSet) string {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			return s.Name
		case *ast.InlineFragment:
			return rootField(s.SelectionSet)
		case *ast.FragmentSpread:
			return rootField(s.Definition.SelectionSet)
		}
	}
	return ""
}
