package server

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"
)

// Patience is how long slow clients are waited for. A zero field means the default.
type Patience struct {
	// Header is how long the head of a request may take, from its connection or the request before on: 5 s.
	Header time.Duration
	// Read is how long the whole of a request may take: 30 s.
	Read time.Duration
	// Write is how long an answer may take from the request's head on: 90 s, which is more than reading and
	// executing take. GraphQL has a deadline for each part of an answer besides, sockets and streams have
	// their own instead.
	Write time.Duration
	// Idle is how long a connection is kept for the next request: 2 minutes.
	Idle time.Duration
	// Ping is after how long a silent HTTP/2 connection is asked whether it is still there: 30 s.
	Ping time.Duration
}

const (
	// maxHeader is the most bytes of a request's head.
	maxHeader = 32 << 10
	// maxStreams is how many requests run at once on one HTTP/2 connection: a proxy's, with those of many
	// clients. It opens another one for more.
	maxStreams = 250
)

// listener serves routes by HTTP/1.1, and by HTTP/2 to who begins to speak it: proxies may, since they end TLS,
// and have all event streams share a few connections then.
func (s *Server) listener(routes http.Handler) *http.Server {
	var spoken http.Protocols
	spoken.SetHTTP1(true)
	spoken.SetUnencryptedHTTP2(true)
	p := s.o.Patience
	return &http.Server{
		Handler:           routes,
		Protocols:         &spoken,
		ReadHeaderTimeout: cmp.Or(p.Header, 5*time.Second),
		ReadTimeout:       cmp.Or(p.Read, 30*time.Second),
		WriteTimeout:      cmp.Or(p.Write, 90*time.Second),
		IdleTimeout:       cmp.Or(p.Idle, 2*time.Minute),
		MaxHeaderBytes:    maxHeader,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			SendPingTimeout:      cmp.Or(p.Ping, 30*time.Second),
			PingTimeout:          cmp.Or(p.Ping, 15*time.Second),
			WriteByteTimeout:     10 * time.Second,
		},
		ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
}
