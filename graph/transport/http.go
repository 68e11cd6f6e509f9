package transport

import (
	"context"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// serveHTTP answers a POST or a GET as GraphQL over HTTP has it, with a single response or, where the
// client takes one and the operation calls for it, with an event stream.
func (h *Handler) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		respondFault(w, r, http.StatusMethodNotAllowed, fault.BadRequest(nil, "Use GET or POST."))
		return
	}
	accept := negotiate(r.Header)
	if accept.single == "" && !accept.events {
		respondFault(w, r, http.StatusNotAcceptable,
			fault.BadRequest(nil, "Accept %s, %s or %s.", mediaGraphQL, mediaJSON, mediaEvents))
		return
	}
	if errs := h.admit(r.Context(), overHTTP); len(errs) > 0 {
		h.answerErrors(w, r, accept, errs)
		return
	}
	params, bad := h.readRequest(w, r)
	if bad != nil {
		respondFault(w, r, bad.status, bad.err)
		return
	}
	ctx, op, errs := h.prepare(r.Context(), overHTTP, params)
	if len(errs) > 0 {
		h.answerErrors(w, r, accept, errs)
		return
	}
	if errs := h.weigh(ctx, overHTTP, op); len(errs) > 0 {
		h.answerErrors(w, r, accept, errs)
		return
	}
	events := accept.eventsFirst
	switch op.Operation.Operation {
	case ast.Mutation:
		if r.Method == http.MethodGet {
			w.Header().Set("Allow", http.MethodPost)
			respondFault(w, r, http.StatusMethodNotAllowed, fault.BadRequest(nil, "Mutations go by POST."))
			return
		}
	case ast.Subscription:
		if !accept.events {
			respondErrors(w, accept.single, gqlerror.List{shown(fault.BadRequest(nil,
				"A subscription needs a WebSocket (%s), or Accept: %s.", subprotocol, mediaEvents))})
			return
		}
		if bad := resume(op, r); bad != nil {
			h.answerErrors(w, r, accept, gqlerror.List{shown(bad)})
			return
		}
		events = true
		defer h.present(viewer.From(ctx))()
		h.subscribed.Add(1)
		defer h.subscribed.Add(-1)
	}
	if events {
		h.serveStream(ctx, w, r, func(ctx context.Context, to recipient) { h.perform(ctx, overEvents, op, to) })
		return
	}
	response := h.execute(ctx, overHTTP, op)
	if response.Data == nil && len(response.Errors) > 0 {
		respondErrors(w, accept.single, response.Errors)
		return
	}
	sayWhen(w, response.Errors)
	respond(w, http.StatusOK, accept.single, encode(response))
}

// answerErrors answers a request that can't be executed. A client that takes nothing but an event stream
// gets one, as GraphQL over SSE demands: an EventSource sees nothing of any other response.
func (h *Handler) answerErrors(w http.ResponseWriter, r *http.Request, accept acceptance, errs gqlerror.List) {
	if accept.single != "" {
		respondErrors(w, accept.single, errs)
		return
	}
	sayWhen(w, errs)
	h.serveStream(r.Context(), w, r, func(_ context.Context, to recipient) { to.Error(errs) })
}
