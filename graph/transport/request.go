package transport

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/convenehq/convene/internal/fault"
)

// A rejection is an HTTP request that is no GraphQL request: it is answered with its status whatever the
// media type of the answer.
type rejection struct {
	status int
	err    *fault.Error
}

func reject(status int, format string, args ...any) *rejection {
	return &rejection{status, fault.BadRequest(nil, format, args...)}
}

// readRequest reads a GraphQL request out of a POST's body or a GET's URL.
func (h *Handler) readRequest(w http.ResponseWriter, r *http.Request) (*request, *rejection) {
	var params *request
	var bad *rejection
	if r.Method == http.MethodGet {
		params, bad = h.readURL(r)
	} else {
		params, bad = h.readBody(w, r)
	}
	if bad != nil {
		return nil, bad
	}
	params.Headers = r.Header
	return params, nil
}

func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (*request, *rejection) {
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != mediaJSON || !isUTF8(options["charset"]) {
		return nil, reject(http.StatusUnsupportedMediaType, "The body must be application/json in UTF-8.")
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, reject(http.StatusUnsupportedMediaType, "The body must not be compressed.")
	}
	body, err := io.ReadAll(&weighed{Reader: http.MaxBytesReader(w, r.Body, h.Limits.Body), ctx: r.Context()})
	if err != nil {
		return nil, h.unread(err)
	}
	d := strictly(body)
	switch d.PeekKind() {
	case jsontext.KindInvalid:
		if len(strings.TrimSpace(string(body))) == 0 {
			return nil, reject(http.StatusBadRequest, "The body is empty.")
		}
	case jsontext.KindBeginArray:
		return nil, reject(http.StatusBadRequest, "Requests are not batched here: send them one by one.")
	}
	params, bad := readParams(d)
	if bad == nil {
		if err := atEnd(d); err != nil {
			bad = unreadable(d, err)
		}
	}
	if bad != nil {
		return nil, &rejection{http.StatusBadRequest, bad}
	}
	return params, nil
}

func (h *Handler) unread(err error) *rejection {
	var known *fault.Error
	if errors.As(err, &known) {
		countOperation(overHTTP, "none", known.Code)
		return &rejection{statuses[known.Code], known}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return reject(http.StatusRequestEntityTooLarge, "The body has more than %d bytes.", h.Limits.Body)
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return reject(http.StatusRequestTimeout, "The body took too long to arrive.")
	}
	return reject(http.StatusBadRequest, "The body could not be read.")
}

func (h *Handler) readURL(r *http.Request) (*request, *rejection) {
	if int64(len(r.URL.RawQuery)) > h.Limits.Body {
		return nil, reject(http.StatusRequestURITooLong, "The URL has more than %d bytes.", h.Limits.Body)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, reject(http.StatusBadRequest, "The URL's query is not well-formed.")
	}
	for _, name := range parameters {
		if len(values[name]) > 1 {
			return nil, reject(http.StatusBadRequest, "The URL has `%s` twice.", name)
		}
		if !utf8.ValidString(values.Get(name)) {
			return nil, reject(http.StatusBadRequest, "`%s` is not valid UTF-8.", name)
		}
	}
	params := &request{hasText: values.Has("query"), documentID: values.Get("documentId")}
	params.Query, params.OperationName = values.Get("query"), values.Get("operationName")
	var bad *rejection
	if params.Variables, bad = objectOf(values, "variables"); bad != nil {
		return nil, bad
	}
	if params.Extensions, bad = objectOf(values, "extensions"); bad != nil {
		return nil, bad
	}
	if bad := params.named(); bad != nil {
		return nil, &rejection{http.StatusBadRequest, bad}
	}
	return params, nil
}

// objectOf reads a URL's parameter that is JSON.
func objectOf(values url.Values, name string) (map[string]any, *rejection) {
	text := values.Get(name)
	if text == "" {
		return nil, nil
	}
	d := strictly([]byte(text))
	object, err := readObject(d, name)
	if err == nil {
		err = atEnd(d)
	}
	if err != nil {
		bad := unreadable(d, err)
		return nil, &rejection{http.StatusBadRequest, bad}
	}
	return object, nil
}
