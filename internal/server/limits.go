package server

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/limit"
)

// Rates are how much clients may ask for, as the settings have it.
func Rates(c config.Config) limit.Rates {
	return limit.Rates{
		limit.Operations:    limit.PerSecond(c.OperationsPerAccount),
		limit.Requests:      limit.PerSecond(c.OperationsPerAddress),
		limit.Logins:        limit.Within(10*time.Minute, c.FailedSignIns, c.FailedSignIns),
		limit.SignIns:       limit.Within(10*time.Minute, 5*c.FailedSignIns, 5*c.FailedSignIns),
		limit.Links:         limit.Within(10*time.Minute, 5*c.FailedSignIns, 5*c.FailedSignIns),
		limit.Registrations: limit.Within(time.Hour, c.RegistrationsPerAddress, c.RegistrationsPerAddress),
	}
}

// Crowd is how many sockets clients may have open, as the settings have it.
func Crowd(c config.Config) transport.Crowd {
	return transport.Crowd{PerAccount: c.SocketsPerAccount, PerAddress: c.SocketsPerAddress, Messages: c.MessagesPerSocket}
}

// count finds out where a request comes from and counts it there, before anybody looks at who it is: whoever
// sends forged tokens has them checked no more often than others ask.
func (s *Server) count(next http.Handler) http.Handler {
	if s.o.Limits == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := s.o.Limits.Client(s.addressOf(r))
		if err := client.Arrive(); err != nil {
			transport.RespondError(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(limit.With(r.Context(), client)))
	})
}

// warnOfProxy tells once of a proxy that the settings do not name: all its clients count as one address.
func (s *Server) warnOfProxy(peer netip.Addr) {
	s.o.Log.Warn("Requests come through a proxy that CONVENE_TRUSTED_PROXIES does not name; all its clients count as one address", "proxy", peer)
}
