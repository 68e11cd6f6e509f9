package server

import (
	"context"
	"net/http"
	"time"

	"github.com/convenehq/convene/internal/telemetry"
)

// pingTime is how long PostgreSQL may take to answer a readiness probe.
const pingTime = 2 * time.Second

// A readiness is what /readyz answers.
type readiness struct {
	// Status is ready, degraded, not ready or draining. The last two come with 503.
	Status     string `json:"status"`
	PostgreSQL string `json:"postgresql"`
	Redis      string `json:"redis"`
	// Reasons are why the status is not ready, in sentences.
	Reasons []string `json:"reasons,omitempty"`
}

// healthz tells that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz tells whether to send requests here, and what is degraded: without Redis everything works, and
// updates of other nodes come a few seconds later.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	now, isReady := s.readiness(r.Context())
	status := http.StatusOK
	if !isReady {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, now)
}

func (s *Server) readiness(ctx context.Context) (now readiness, isReady bool) {
	now, isReady = readiness{Status: "ready", PostgreSQL: "ok", Redis: "ok"}, true
	because := func(what, why string) {
		now.Status = what
		now.Reasons = append(now.Reasons, why)
	}
	if s.o.Hub.Degraded() {
		now.Redis = "away"
		because("degraded", "Redis is away: updates of other nodes come by the sweep, a few seconds late.")
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if err := s.o.DB.SQL.PingContext(ctx); err != nil {
		now.PostgreSQL, isReady = "away", false
		because("not ready", "PostgreSQL does not answer, or every connection to it is in use.")
	}
	select {
	case <-s.draining:
		isReady = false
		because("draining", "This node is stopping.")
	default:
	}
	return now, isReady
}

// Report tells operators whether the node is ready, so that an alarm needs no probe of its own.
func (s *Server) Report(to *telemetry.Registry) {
	to.Gauges(nil, func(ctx context.Context) ([]telemetry.Sample, error) {
		ready := 0.0
		if _, ok := s.readiness(ctx); ok {
			ready = 1
		}
		return []telemetry.Sample{{Values: []float64{ready}}}, nil
	}, telemetry.Gauge{Name: "convene_ready", Help: "1 while /readyz says that requests may be sent here, else 0. PostgreSQL is asked with each scrape."})
}
