package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/telemetry"
)

// PresentError turns what a resolver or an argument's reading answered into what the client sees: the
// code and the argument of a fault, UNAVAILABLE or TIMEOUT where that is the reason, and INTERNAL with
// the request's id for everything else, which is logged.
func PresentError(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err)
	var known *fault.Error
	switch {
	case errors.As(err, &known):
	case db.IsUnavailable(err):
		known = fault.Unavailable(err)
	case db.IsTimeout(err):
		known = &fault.Error{Code: fault.CodeTimeout, Message: "This took too long and was given up.", Err: err}
	case hasCode(shown):
		// The document's own faults come with their code.
		return &gqlerror.Error{Message: shown.Message, Path: shown.Path, Locations: shown.Locations, Extensions: shown.Extensions}
	case isRequestError(err):
		// gqlparser's and gqlgen's own words on an argument say what is wrong and nothing else.
		known = &fault.Error{Code: fault.CodeBadRequest, Message: shown.Message}
	default:
		known = &fault.Error{Code: fault.CodeInternal, Message: "Something went wrong here. It has been noted.", Err: err}
	}
	out := &gqlerror.Error{
		Message:    known.Message,
		Path:       shown.Path,
		Locations:  shown.Locations,
		Extensions: map[string]any{"code": known.Code},
	}
	if known.Argument != nil {
		out.Extensions["argument"] = known.Argument
	} else if at := argumentPath(shown.Path); at != nil && known.Code == fault.CodeBadRequest {
		out.Extensions["argument"] = at
	}
	if known.RetryAfter > 0 {
		out.Extensions["retryAfter"] = int(known.RetryAfter.Seconds())
	}
	note(ctx, known.Code, err, out)
	return out
}

// note logs what the client is not told, with the id by which it can ask.
func note(ctx context.Context, code fault.Code, err error, out *gqlerror.Error) {
	about := []any{"error", err, "path", out.Path.String()}
	if code == fault.CodeInternal {
		out.Extensions["requestId"] = telemetry.RequestID(ctx)
		slog.ErrorContext(ctx, "A request failed", about...)
	}
	if code == fault.CodeUnavailable {
		slog.WarnContext(ctx, "A request met a service that is away", about...)
	}
}

// hasCode tells errors that were given a code of the closed list where they were made.
func hasCode(err *gqlerror.Error) bool {
	switch code := err.Extensions["code"]; code {
	case string(fault.CodeParseFailed), string(fault.CodeValidationFailed):
		return true
	default:
		known, ok := code.(fault.Code)
		return ok && known != ""
	}
}

// isRequestError tells errors that gqlgen makes itself while it reads arguments.
func isRequestError(err error) bool {
	var list gqlerror.List
	if errors.As(err, &list) {
		return true
	}
	var one *gqlerror.Error
	return errors.As(err, &one) && one.Err == nil
}

// argumentPath is what follows the field in a path that gqlgen made while it read the field's arguments:
// for ["sendMessage", "input", "body"] it is ["input", "body"].
func argumentPath(path ast.Path) []string {
	if len(path) < 2 {
		return nil
	}
	at := make([]string, 0, len(path)-1)
	for _, step := range path[1:] {
		name, ok := step.(ast.PathName)
		if !ok {
			continue
		}
		at = append(at, string(name))
	}
	return at
}

// Recover turns a panic of a resolver into an error, which is logged and shown as INTERNAL.
func Recover(_ context.Context, cause any) error {
	return fmt.Errorf("a resolver panicked: %v\n%s", cause, debug.Stack())
}
