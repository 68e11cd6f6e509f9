package server

import (
	"context"
	"net/http"
	"time"
)

// healthz tells that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz tells whether to send requests here, and what is degraded: without Redis everything works, and
// updates of other nodes come a few seconds later.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{"status": "ready", "postgresql": "ok", "redis": "ok"}
	status := http.StatusOK
	if s.o.Hub.Degraded() {
		answer["status"], answer["redis"] = "degraded", "away: updates of other nodes come by the sweep"
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.o.DB.SQL.PingContext(ctx); err != nil {
		answer["status"], answer["postgresql"], status = "not ready", "away", http.StatusServiceUnavailable
	}
	select {
	case <-s.draining:
		answer["status"], status = "draining", http.StatusServiceUnavailable
	default:
	}
	writeJSON(w, status, answer)
}
