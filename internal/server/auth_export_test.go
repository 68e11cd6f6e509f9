package server

import (
	"net/http"
	"net/netip"
)

// Authenticate wraps a handler as the server wraps GraphQL.
func Authenticate(o Options, next http.Handler) http.Handler {
	return (&Server{o: o}).authenticate(next)
}

// JWKS is the handler of the public keys.
func JWKS(o Options) http.HandlerFunc { return (&Server{o: o}).jwks }

// Routes is all that a server serves.
func Routes(o Options) http.Handler { return New(o).http.Handler }

// Operators is what a server serves to operators.
func Operators(o Options) http.Handler {
	s := New(o)
	s.Report(o.Metrics)
	return s.operators()
}

// AddressOf is where a request comes from.
func AddressOf(o Options, r *http.Request) netip.Addr { return New(o).addressOf(r) }
