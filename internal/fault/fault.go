// Package fault has the two kinds of error that a client may see. A [Error] is the client's or the
// server's fault and becomes a top-level error with a code of a closed list. A refusal is something the
// person can mend: each slice has its own type for it, and [Split] tells refusals from other errors.
// Every other error is logged and shown as INTERNAL.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code is the `extensions.code` of a top-level error. The list is closed; codes never change.
type Code string

// All the codes that a top-level error can have.
const (
	CodeBadRequest             Code = "BAD_REQUEST"
	CodeParseFailed            Code = "GRAPHQL_PARSE_FAILED"
	CodeValidationFailed       Code = "GRAPHQL_VALIDATION_FAILED"
	CodeTooComplex             Code = "QUERY_TOO_COMPLEX"
	CodePersistedQueryNotFound Code = "PERSISTED_QUERY_NOT_FOUND"
	CodeUnauthenticated        Code = "UNAUTHENTICATED"
	CodeForbidden              Code = "FORBIDDEN"
	CodeRateLimited            Code = "RATE_LIMITED"
	CodeIdempotencyKeyReused   Code = "IDEMPOTENCY_KEY_REUSED"
	CodeTimeout                Code = "TIMEOUT"
	CodeUnavailable            Code = "UNAVAILABLE"
	CodeInternal               Code = "INTERNAL"
)

// An Error is a top-level error that a client may read as it is.
type Error struct {
	Code    Code
	Message string
	// Argument is the path of the argument at fault, for example ["input", "body"]; nil if none is.
	Argument []string
	// RetryAfter is how long the client has to wait, of a RATE_LIMITED one; in whole seconds.
	RetryAfter time.Duration
	// Err is the cause, for the log; clients never see it.
	Err error
}

// Error is the sentence for the client.
func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// BadRequest says what is wrong with an argument; argument is its path, or nil.
func BadRequest(argument []string, format string, args ...any) *Error {
	return &Error{Code: CodeBadRequest, Message: fmt.Sprintf(format, args...), Argument: argument}
}

// Unauthenticated says that one has to sign in for this.
func Unauthenticated() *Error {
	return &Error{Code: CodeUnauthenticated, Message: "Sign in first."}
}

// Unavailable says that something we stand on is away for now; err is logged.
func Unavailable(err error) *Error {
	return &Error{Code: CodeUnavailable, Message: "The service is not available right now. Try again soon.", Err: err}
}

// KeyReused says that an idempotency key came again with another input.
func KeyReused() *Error {
	return &Error{
		Code:     CodeIdempotencyKeyReused,
		Message:  "This idempotency key was used for another input.",
		Argument: []string{"input", "idempotencyKey"},
	}
}

// Split takes an error apart: if it is one or more refusals of type R (joined or wrapped), it returns
// them and no error; any other error is returned as it is.
func Split[R error](err error) ([]R, error) {
	if err == nil {
		return []R{}, nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		refusals := []R{}
		for _, e := range joined.Unwrap() {
			some, rest := Split[R](e)
			if rest != nil {
				return nil, rest
			}
			refusals = append(refusals, some...)
		}
		return refusals, nil
	}
	var refusal R
	if errors.As(err, &refusal) {
		return []R{refusal}, nil
	}
	return nil, err
}
