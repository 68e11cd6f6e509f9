package server

import (
	"encoding/json"
	"net/http"

	"github.com/convenehq/convene/internal/demo"
	"github.com/convenehq/convene/internal/server/pages"
)

// routes are all that a node serves; `GET /` lists them.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	index := map[string]string{
		"graphql": "/graphql",
		"health":  "/healthz",
		"ready":   "/readyz",
		"keys":    "/.well-known/jwks.json",
	}
	mux.Handle("/graphql", s.cors(s.count(s.authenticate(s.o.Graph))))
	if s.o.Invites != nil {
		mux.Handle("GET /r/{code}", s.page(s.invite))
	}
	s.linkRoutes(mux)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /.well-known/jwks.json", s.jwks)
	if s.o.Metrics != nil && s.o.Config.MetricsAddr == "" && !s.o.Config.IsProduction() {
		index["metrics"] = "/metrics"
		mux.Handle("GET /metrics", s.local(s.o.Metrics.Handler()))
	}
	if !s.o.Config.IsProduction() {
		var people []pages.Person
		if s.o.Demo != nil {
			people = demoPeople()
			index["demo"] = "/demo/?as=ada"
			mux.Handle("GET /demo/", s.local(pages.Demo(people)))
			mux.Handle("POST /dev/session", s.local(http.HandlerFunc(s.devSession)))
			mux.Handle("GET /dev/sign-in", s.local(http.HandlerFunc(s.devSignIn)))
		}
		if s.o.Mailbox != nil {
			index["mail"] = "/dev/mail"
			s.mailRoutes(mux)
		}
		index["graphiql"] = "/graphiql"
		// A few are enough to switch between.
		explorer := s.local(pages.GraphiQL(people[:min(len(people), 4)]))
		mux.Handle("GET /graphiql", explorer)
		mux.Handle("GET /graphiql/", explorer)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, index)
	})
	return s.observe(s.retire(s.recover(mux)))
}

// operators are the routes at the address that is for operators alone.
func (s *Server) operators() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.o.Metrics.Handler())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	return mux
}

func demoPeople() []pages.Person {
	var people []pages.Person
	for _, p := range demo.People() {
		people = append(people, pages.Person{Username: p.Username, DisplayName: p.DisplayName})
	}
	return people
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // the client has gone
}
