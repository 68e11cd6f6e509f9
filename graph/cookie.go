package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// Cookies sets and clears the session cookie of the request that is being answered.
type Cookies interface {
	// IsOpen tells whether that is still possible: not once the answer has begun.
	IsOpen() bool
	// Set sets the cookie, which the browser may forget at the given time.
	Set(value string, expires time.Time)
	// Clear takes the cookie away if it is how the request came in; that of another session stays.
	Clear()
}

type cookiesKey struct{}

// WithCookies lets the request's mutations set the session cookie. The server does so where the page that
// asks is one of ours.
func WithCookies(ctx context.Context, c Cookies) context.Context {
	return context.WithValue(ctx, cookiesKey{}, c)
}

// CookiesFrom is the request's session cookie; nil if none can be set.
func CookiesFrom(ctx context.Context) Cookies {
	c, _ := ctx.Value(cookiesKey{}).(Cookies)
	return c
}

// requireCookies refuses cookie mode where no cookie can be set, before anything is done: a session whose
// cookie gets lost would help nobody.
func requireCookies(ctx context.Context, wanted bool) error {
	c := CookiesFrom(ctx)
	if wanted && (c == nil || !c.IsOpen()) {
		return fault.BadRequest([]string{"input", "cookie"},
			"A cookie can be set by a POST from a page of this service only.")
	}
	return nil
}

// welcome answers who has signed in and what they keep, if anybody has. It sets the cookie of a session
// that lives in one, and has the rest of the mutation's answer resolved for whom it now is: the context
// still says nobody.
func welcome(ctx context.Context, in *account.SignedIn) (*viewer.Viewer, *account.SessionTokens) {
	if in == nil {
		return nil, nil
	}
	if in.Cookie != "" {
		CookiesFrom(ctx).Set(in.Cookie, in.CookieEnds)
	}
	mutation, op := graphql.GetFieldContext(ctx), graphql.GetOperationContext(ctx)
	next := op.ResolverMiddleware
	// Mutations run one after the other, so nothing of this operation is being resolved meanwhile.
	op.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		if graphql.GetFieldContext(ctx).Parent == mutation {
			return next(viewer.With(ctx, in.Viewer), resolve)
		}
		return next(ctx, resolve)
	}
	return &in.Viewer, in.Tokens
}

// goodbye clears the session cookie.
func goodbye(ctx context.Context) {
	if c := CookiesFrom(ctx); c != nil && c.IsOpen() {
		c.Clear()
	}
}

// end has the rest of the operation done as nobody where it would be done in the viewer's session, which has ended. Who
// signs in after that is somebody again.
func end(ctx context.Context) {
	ended, op := viewer.From(ctx).Session(), graphql.GetOperationContext(ctx)
	next := op.ResolverMiddleware
	// Mutations run one after the other, so nothing of this operation is being resolved meanwhile.
	op.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		if viewer.From(ctx).Session() == ended {
			ctx = viewer.With(ctx, viewer.Viewer{})
		}
		return next(ctx, resolve)
	}
}
