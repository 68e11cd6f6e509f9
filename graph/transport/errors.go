package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// A response shows so many errors, and so much of each: a bad document can have thousands.
const (
	mostErrors     = 5
	longestMessage = 300
)

// statuses are the HTTP status of each code, where the media type lets a request error have one.
var statuses = map[fault.Code]int{
	fault.CodeBadRequest:             http.StatusBadRequest,
	fault.CodeParseFailed:            http.StatusBadRequest,
	fault.CodeValidationFailed:       http.StatusBadRequest,
	fault.CodeTooComplex:             http.StatusBadRequest,
	fault.CodePersistedQueryNotFound: http.StatusBadRequest,
	fault.CodeUnauthenticated:        http.StatusUnauthorized,
	fault.CodeForbidden:              http.StatusForbidden,
	fault.CodeRateLimited:            http.StatusTooManyRequests,
	fault.CodeIdempotencyKeyReused:   http.StatusConflict,
	fault.CodeTimeout:                http.StatusServiceUnavailable,
	fault.CodeUnavailable:            http.StatusServiceUnavailable,
	fault.CodeInternal:               http.StatusInternalServerError,
}

// codeOf is the error's code, if it has one of the closed list.
func codeOf(err *gqlerror.Error) (fault.Code, bool) {
	var code fault.Code
	switch c := err.Extensions["code"].(type) {
	case fault.Code:
		code = c
	case string:
		code = fault.Code(c)
	}
	_, known := statuses[code]
	return code, known
}

// shown is a fault as clients see it.
func shown(f *fault.Error) *gqlerror.Error {
	out := &gqlerror.Error{Message: f.Message, Extensions: map[string]any{"code": f.Code}}
	if f.Argument != nil {
		out.Extensions["argument"] = f.Argument
	}
	if f.RetryAfter > 0 {
		out.Extensions["retryAfter"] = int(f.RetryAfter.Seconds())
	}
	return out
}

// retryAfter is how many seconds the first error that says so wants its client to wait; zero if none does.
func retryAfter(errs gqlerror.List) int {
	for _, err := range errs {
		if seconds, ok := err.Extensions["retryAfter"].(int); ok {
			return seconds
		}
	}
	return 0
}

// requestErrors are errors from before an execution as clients see them. The executor's own have their
// code already; what an extension answered goes through the presenter, like a resolver's errors.
func (h *Handler) requestErrors(ctx context.Context, op *graphql.OperationContext, errs gqlerror.List) gqlerror.List {
	out := make(gqlerror.List, 0, min(len(errs), mostErrors))
	for _, err := range errs[:min(len(errs), mostErrors)] {
		if _, known := codeOf(err); !known {
			presented := h.Executor.DispatchError(graphql.WithOperationContext(ctx, op), gqlerror.List{err})
			if len(presented.Errors) > 0 {
				err = presented.Errors[0]
			}
		}
		if _, known := codeOf(err); !known {
			err = withCode(err, fault.CodeBadRequest)
		}
		out = append(out, withArgument(withoutValue(err)))
	}
	return out
}

// recovered is what clients see of a panic.
func (h *Handler) recovered(ctx context.Context, cause any) gqlerror.List {
	err := h.Executor.PresentRecoveredError(ctx, cause)
	var presented *gqlerror.Error
	if !errors.As(err, &presented) {
		presented = shown(&fault.Error{Code: fault.CodeInternal, Message: "Something went wrong here. It has been noted."})
	}
	if _, known := codeOf(presented); !known {
		presented = withCode(presented, fault.CodeInternal)
	}
	return gqlerror.List{presented}
}

// withArgument names the argument that a variable with a wrong value stands for.
func withArgument(err *gqlerror.Error) *gqlerror.Error {
	if len(err.Path) < 2 || err.Path[0] != ast.PathName("variable") {
		return err
	}
	out := withCode(err, fault.CodeBadRequest)
	if code, known := codeOf(err); known {
		out = withCode(err, code)
	}
	var argument []string
	for _, step := range err.Path[1:] {
		argument = append(argument, fmt.Sprint(step))
	}
	out.Extensions["argument"] = argument
	return out
}

func withCode(err *gqlerror.Error, code fault.Code) *gqlerror.Error {
	out := *err
	out.Extensions = maps.Clone(err.Extensions)
	if out.Extensions == nil {
		out.Extensions = map[string]any{}
	}
	out.Extensions["code"] = code
	return &out
}

// withoutValue takes a variable's value out of gqlparser's message about an enum: variables are what
// people typed, and errors end up in logs.
func withoutValue(err *gqlerror.Error) *gqlerror.Error {
	if len(err.Path) == 0 || err.Path[0] != ast.PathName("variable") || err.Extensions["code"] != errcode.ValidationFailed {
		return err
	}
	const between = " is not a valid "
	at := strings.LastIndex(err.Message, between)
	if at < 0 {
		return err
	}
	out := *err
	out.Message = "not a valid " + err.Message[at+len(between):]
	return &out
}

// bounded keeps the first errors, each with texts of bounded length: what an error names may be as long as the client
// made it.
func bounded(errs gqlerror.List) gqlerror.List {
	out := make(gqlerror.List, 0, min(len(errs), mostErrors))
	for _, err := range errs[:min(len(errs), mostErrors)] {
		short := *err
		short.Message = shorten(err.Message)
		short.Path = shortPath(err.Path)
		short.Locations = err.Locations[:min(len(err.Locations), mostErrors)]
		short.Extensions = make(map[string]any, len(err.Extensions))
		for name, value := range err.Extensions {
			switch value := value.(type) {
			case string:
				short.Extensions[name] = shorten(value)
			case []string:
				short.Extensions[name] = shortList(value)
			default:
				short.Extensions[name] = value
			}
		}
		out = append(out, &short)
	}
	return out
}

// shorten ends a text that is too long.
func shorten(text string) string {
	if len(text) <= longestMessage || utf8.RuneCountInString(text) <= longestMessage {
		return text
	}
	return string([]rune(text)[:longestMessage-1]) + "…"
}

// shortList shortens texts that together are too long, and leaves out those behind them.
func shortList(texts []string) []string {
	room := longestMessage
	for i, text := range texts {
		if room -= utf8.RuneCountInString(text); room < 0 {
			return append(slices.Clone(texts[:i]), "…")
		}
	}
	return texts
}

// shortPath does the same with the names and numbers of a path.
func shortPath(path ast.Path) ast.Path {
	room := longestMessage
	for i, step := range path {
		switch step := step.(type) {
		case ast.PathName:
			room -= utf8.RuneCountInString(string(step))
		default:
			room--
		}
		if room < 0 {
			return append(slices.Clone(path[:i]), ast.PathName("…"))
		}
	}
	return path
}
