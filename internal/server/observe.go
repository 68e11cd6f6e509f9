package server

import (
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/telemetry"
)

var (
	requests = telemetry.NewCounters("convene_http_requests_total",
		"HTTP requests by method, route and status. A WebSocket counts once, with 101.", "method", "route", "status")
	requestSeconds = telemetry.NewHistograms("convene_http_request_duration_seconds",
		"How long HTTP requests took, by route; event streams until their first byte.", telemetry.Seconds(), "route")
)

// slow is how long a request takes that gets a line in the log at the usual level.
const slow = time.Second

// saneID is what is taken over from X-Request-Id: what a proxy or a client makes as an id, and nothing that
// could pretend to be something else in a log.
var saneID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{7,63}$`)

// observe gives every request an id, which the answer carries and the log names, and a span where traces are
// collected; it counts and times them.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !saneID.MatchString(id) {
			id = "req_" + uuid.Must(uuid.NewV7()).String()
		}
		w.Header().Set("X-Request-Id", id)
		a := &answer{ResponseWriter: w, start: time.Now(), log: s.o.Log}
		ctx := telemetry.WithRequestID(r.Context(), id)
		if !isProbe(r.URL.Path) {
			ctx, a.span = telemetry.StartRequest(ctx, r.Header, r.Method)
		}
		a.r = r.WithContext(ctx)
		defer a.finish()
		next.ServeHTTP(a, a.r)
	})
}

// isProbe tells the requests that machines make all day: a trace of each would bury the others.
func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// An answer notes what becomes of a request.
type answer struct {
	http.ResponseWriter

	r        *http.Request
	log      *slog.Logger
	start    time.Time
	span     telemetry.Span // nil for a probe
	status   int
	finished bool
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader notes the status. An event stream is open for hours: what is measured of it ends here.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
	if strings.HasPrefix(a.Header().Get("Content-Type"), "text/event-stream") {
		a.finish()
	}
}

func (a *answer) finish() {
	if a.finished {
		return
	}
	a.finished = true
	if a.status == 0 {
		a.status = http.StatusOK
	}
	took, route := time.Since(a.start), routeOf(a.r)
	requests.WithLabelValues(methodOf(a.r), route, strconv.Itoa(a.status)).Inc()
	requestSeconds.WithLabelValues(route).Observe(took.Seconds())
	level := slog.LevelDebug
	if took >= slow || a.status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	if ctx := a.r.Context(); a.log.Enabled(ctx, level) {
		a.log.Log(ctx, level, "Answered", "method", a.r.Method, "path", pathOf(a.r), "status", a.status, "took", took.Round(time.Microsecond))
	}
	a.endSpan(route)
}

func (a *answer) endSpan(route string) {
	if a.span == nil {
		return
	}
	if telemetry.Name(a.span) != nil {
		a.span.SetName(methodOf(a.r) + " " + route)
		telemetry.SetText(a.span, "http.request.method", methodOf(a.r))
		telemetry.SetText(a.span, "http.route", route)
		telemetry.SetNumber(a.span, "http.response.status_code", a.status)
		telemetry.SetText(a.span, "convene.request_id", telemetry.RequestID(a.r.Context()))
	}
	if a.status >= http.StatusInternalServerError {
		telemetry.Fail(a.span, http.StatusText(a.status))
	}
	a.span.End()
}

// routeOf is the pattern that a request found; one that found none may have any path.
func routeOf(r *http.Request) string {
	_, path, ok := strings.Cut(r.Pattern, " ")
	switch {
	case r.Pattern == "":
		return "none"
	case !ok:
		return r.Pattern
	}
	return strings.TrimSuffix(path, "{$}")
}

// pathOf is the path as the log may have it: without the query, since a GET has what people typed in there, and without what
// a pattern leaves open, such as an invite's code.
func pathOf(r *http.Request) string {
	if strings.Contains(r.Pattern, "{") {
		return routeOf(r)
	}
	return r.URL.Path
}

// methodOf is the method, if it is one that we know: a client may make one up.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.Method
	}
	return "OTHER"
}
