// Package viewer says who asks. The edge sets the viewer of a request once, in the context; rules read
// it there, and no function takes an acting person's id beside it.
package viewer

import (
	"context"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
)

// Kind is the kind of viewer.
type Kind int

// The kinds of viewer there are.
const (
	// Nobody has not signed in.
	Nobody Kind = iota
	// Person is a signed-in account.
	Person
	// Audience is everybody who may read one conversation, as one: what is rendered once and
	// delivered to many is rendered for it.
	Audience
	// System is Convene itself: jobs, consumers, and the few steps that happen before anybody is
	// somebody, such as signing in.
	System
	// Operator is whoever works at the command line, on the database itself. Rules give the operator no
	// more than they give an admin.
	Operator
)

// A Viewer is who asks. The zero value is nobody.
type Viewer struct {
	kind         Kind
	account      uuid.UUID
	session      uuid.UUID
	conversation uuid.UUID
	asAuthor     bool
	role         Role
	reason       string
}

// OfPerson is the viewer for a signed-in account and the session it came with, without a role but that of
// everybody.
func OfPerson(account, session uuid.UUID) Viewer {
	return Viewer{kind: Person, account: account, session: session, role: RoleUser}
}

// OfAudience is the viewer for everybody who may read a conversation. With asAuthor it is the author of
// the very update that is rendered, for whom `isMine` differs.
func OfAudience(conversation uuid.UUID, asAuthor bool) Viewer {
	return Viewer{kind: Audience, conversation: conversation, asAuthor: asAuthor}
}

// Kind says what kind of viewer it is.
func (v Viewer) Kind() Kind { return v.kind }

// Account is the account of a person; the zero id for any other viewer.
func (v Viewer) Account() uuid.UUID { return v.account }

// Session is the session that a person came with; the zero id for any other viewer.
func (v Viewer) Session() uuid.UUID { return v.session }

// Conversation is what an audience may read; the zero id for any other viewer.
func (v Viewer) Conversation() uuid.UUID { return v.conversation }

// IsAuthor tells whether the viewer wrote what the given account wrote: for a person by their id, for an
// audience by the side it is rendered for.
func (v Viewer) IsAuthor(of uuid.UUID) bool {
	switch v.kind {
	case Person:
		return v.account == of && of != uuid.Nil
	case Audience:
		return v.asAuthor
	default:
		return false
	}
}

// Reason is why the system acts, for the log; empty for any other viewer.
func (v Viewer) Reason() string { return v.reason }

type key struct{}

// With sets who asks.
func With(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, key{}, v)
}

// From tells who asks; nobody if it was never set.
func From(ctx context.Context) Viewer {
	v, _ := ctx.Value(key{}).(Viewer)
	return v
}

// Require is the account of the person who asks; nobody else gets past it.
func Require(ctx context.Context) (uuid.UUID, error) {
	v := From(ctx)
	if v.kind != Person {
		return uuid.Nil, fault.Unauthenticated()
	}
	return v.account, nil
}

// AsOperator goes on as whoever works at the command line. The files that may call it are listed in
// internal/arch, as those that call AsSystem are.
func AsOperator(ctx context.Context) context.Context {
	return With(ctx, Viewer{kind: Operator})
}

// AsSystem goes on as Convene itself, past every rule. The files that may call it are listed in
// internal/arch, each with its reason.
func AsSystem(ctx context.Context, reason string) context.Context {
	return With(ctx, Viewer{kind: System, reason: reason})
}
