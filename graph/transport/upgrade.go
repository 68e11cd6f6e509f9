package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/viewer"
)

// isUpgrade tells whether a request asks for a WebSocket.
func isUpgrade(r *http.Request) bool {
	return hasToken(r.Header["Connection"], "upgrade") && hasToken(r.Header["Upgrade"], "websocket")
}

func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// serveSocket turns the request into a session. The request itself is over then: what net/http keeps for
// one would be half of what a socket costs.
func (h *Handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	// Browsers send cookies along with any page's upgrade, and no page can stop another one's. Where no
	// cookie signs in, a token has to, which only our own pages have.
	if viewer.From(r.Context()).Kind() != viewer.Nobody && !h.mayOpen(r) {
		RespondError(w, r, &fault.Error{Code: fault.CodeForbidden, Message: "This page may not open a socket here."})
		return
	}
	whose := seatOf(r)
	if err := h.connections.check(whose); err != nil {
		turnAway(w, r, err)
		return
	}
	// The session ends on its own terms: a cancelled request must not cut it off without a close frame.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	s := &session{
		handler: h, out: h.newOutbox(), operations: map[string]*operation{}, ctx: ctx, cancel: cancel, written: make(chan struct{}),
	}
	s.pace = limit.NewPace(limit.Within(time.Second, h.Crowd.Messages, 4*h.Crowd.Messages))
	s.controls = s.pace
	s.out.call = func() { h.pens.ask(s) }
	link, err := upgrade(w, r, h.Limits, s.heardOf, s.stalled)
	if err != nil {
		cancel()
		h.Log.DebugContext(r.Context(), "A request for a socket was no good", "error", err)
		return
	}
	s.link = link
	switch err := h.connections.enter(s, whose); {
	case errors.Is(err, errShut):
		s.end(endRestart) // the shutdown began just now
	case err != nil: // somebody else came in between
		turnedAway.WithLabelValues(shortOfRoom[err]).Inc()
		s.end(endCrowded)
	}
	if !link.speaks(subprotocol) {
		s.end(endSubprotocol)
	}
	h.sockets.Add(1)
	go func() {
		s.serve()
		h.sockets.Add(-1)
		h.connections.leave(s)
	}()
}

// seatOf is whose connection a request asks for.
func seatOf(r *http.Request) seat {
	return seat{viewer.From(r.Context()).Account(), limit.From(r.Context()).Network()}
}

// turnAway answers a request whose connection is not taken.
func turnAway(w http.ResponseWriter, r *http.Request, why error) {
	if errors.Is(why, errShut) {
		w.Header().Set("Retry-After", "1")
		RespondError(w, r, fault.Unavailable(nil))
		return
	}
	turnedAway.WithLabelValues(shortOfRoom[why]).Inc()
	RespondError(w, r, &fault.Error{
		Code: fault.CodeRateLimited, RetryAfter: comeBackSoon,
		Message: "Too many sockets and event streams are open already. Close one first.",
	})
}

// mayOpen tells whether a socket that signs in by cookie may be opened from the request's Origin.
func (h *Handler) mayOpen(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if h.CheckOrigin != nil {
		return h.CheckOrigin(r)
	}
	from, err := url.Parse(origin)
	return err == nil && from.Host != "" && strings.EqualFold(from.Host, r.Host)
}
