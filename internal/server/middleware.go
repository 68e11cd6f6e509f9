package server

import (
	"net"
	"net/http"
	"runtime/debug"

	"github.com/google/uuid"
	"github.com/rs/cors"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
)

// identify gives every request an id, which the answer carries and the log names.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := "req_" + uuid.Must(uuid.NewV7()).String()
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(graph.WithRequestID(r.Context(), id)))
	})
}

// recover keeps a panic in one request from ending the others.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http says
				panic(p)
			}
			id := graph.RequestID(r.Context())
			s.o.Log.Error("A request panicked", "panic", p, "requestId", id, "stack", string(debug.Stack()))
			transport.RespondError(w, r, &fault.Error{Code: fault.CodeInternal, Message: "Something went wrong here. It has been noted."})
		}()
		next.ServeHTTP(w, r)
	})
}

// cors lets the configured origins' pages use the API from a browser.
func (s *Server) cors(next http.Handler) http.Handler {
	if len(s.o.Config.Origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins:   s.o.Config.Origins,
		AllowedMethods:   []string{http.MethodGet, http.MethodPost},
		AllowedHeaders:   []string{"Authorization", "Content-Type", "Last-Event-ID"},
		ExposedHeaders:   []string{"X-Request-Id"},
		AllowCredentials: true,
		MaxAge:           600,
	}).Handler(next)
}

// local refuses whoever reached the dev pages by another name than this machine's: a foreign site whose
// name was made to point here would otherwise be signed in as anybody.
func (s *Server) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "The development pages answer on this machine's own address only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
