package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// encode writes the result of an execution: errors first, where they are seen, and no `data` entry
// unless the execution began.
func encode(r *graphql.Response) []byte {
	out := make([]byte, 0, len(r.Data)+64)
	out = append(out, '{')
	if len(r.Errors) > 0 {
		out = append(append(out, `"errors":`...), encodeErrors(r.Errors)...)
	}
	if r.Data != nil {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, `"data":`...), r.Data...)
	}
	if extensions := marshal(r.Extensions); len(r.Extensions) > 0 && extensions != nil {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, `"extensions":`...), extensions...)
	}
	return append(out, '}')
}

// encodeErrors writes a bounded list of errors.
func encodeErrors(errs gqlerror.List) []byte {
	if text := marshal(bounded(errs)); text != nil {
		return text
	}
	// Only an extension that is no JSON gets here: the message and the code are worth more than that.
	plain := make(gqlerror.List, 0, len(errs))
	for _, err := range errs {
		code, _ := codeOf(err)
		plain = append(plain, &gqlerror.Error{Message: err.Message, Extensions: map[string]any{"code": code}})
	}
	return marshal(bounded(plain))
}

// marshal writes JSON without the escapes that are for HTML; nil if it can't be written.
func marshal(v any) []byte {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// responseTime is how long a client may take to read the next part of a response.
const responseTime = 10 * time.Second

func respond(w http.ResponseWriter, status int, media string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	// Part by part: a large response may take its time on a slow line, as long as it moves. The recorder of a
	// test has no deadline, and needs none.
	control := http.NewResponseController(w)
	for part := range slices.Chunk(body, batchSize) {
		_ = control.SetWriteDeadline(time.Now().Add(responseTime))
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}

// sayWhen tells whoever asked for too much when to come back.
func sayWhen(w http.ResponseWriter, errs gqlerror.List) {
	if seconds := retryAfter(errs); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}

// respondErrors answers a well-formed GraphQL request that was not executed. The older media type says
// 200 to it, as its clients look for errors in the body only.
func respondErrors(w http.ResponseWriter, media string, errs gqlerror.List) {
	status := http.StatusOK
	if media == mediaGraphQL {
		status = http.StatusBadRequest
		if code, known := codeOf(errs[0]); known {
			status = statuses[code]
		}
	}
	sayWhen(w, errs)
	respond(w, status, media, encode(&graphql.Response{Errors: errs}))
}

// RespondError answers a request that is refused before it is read, for example for its credentials: a
// GraphQL response with the error's status, in a media type that the client takes. What is not a fault
// is logged and shown as INTERNAL.
func RespondError(w http.ResponseWriter, r *http.Request, err error) {
	var known *fault.Error
	if !errors.As(err, &known) {
		slog.ErrorContext(r.Context(), "A request was refused for an unknown reason", "error", err)
		known = &fault.Error{Code: fault.CodeInternal, Message: "Something went wrong here. It has been noted."}
	}
	status, found := statuses[known.Code]
	if !found {
		status = http.StatusInternalServerError
	}
	respondFault(w, r, status, known)
}

func respondFault(w http.ResponseWriter, r *http.Request, status int, f *fault.Error) {
	media := negotiate(r.Header).single
	if media == "" {
		media = mediaJSON
	}
	errs := gqlerror.List{shown(f)}
	sayWhen(w, errs)
	respond(w, status, media, encode(&graphql.Response{Errors: errs}))
}
