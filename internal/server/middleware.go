package server

import (
	"net"
	"net/http"
	"runtime/debug"

	"github.com/rs/cors"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
)

// retire has proxies and clients give up their connections to a node that is about to stop, each with an
// answer: one that was cut while a request was on its way would cost that request.
func (s *Server) retire(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.draining:
			if r.Header.Get("Upgrade") == "" { // a socket's answer says what becomes of its connection
				w.Header().Set("Connection", "close")
			}
		default:
		}
		next.ServeHTTP(w, r)
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
			s.o.Log.ErrorContext(r.Context(), "A request panicked", "panic", p, "stack", string(debug.Stack()))
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
		AllowedHeaders:   []string{"Authorization", "Content-Type", "Last-Event-ID", "Traceparent", "Tracestate", "X-Request-Id"},
		ExposedHeaders:   []string{"Retry-After", "X-Request-Id"},
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
