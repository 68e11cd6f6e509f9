package account

import (
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// The types of the slice's API. Each has the name and the meaning of its GraphQL type in
// graph/account.graphqls, which gqlgen binds by that name.

// AuthSessionConnection is a page of sessions.
type AuthSessionConnection = relay.Connection[*ent.AuthSession]

// AuthSessionEdge is a session in a page.
type AuthSessionEdge = relay.Edge[*ent.AuthSession]

// SessionTokens is what a client keeps to stay signed in.
type SessionTokens struct {
	AccessToken  *string
	RefreshToken *string
	ExpiresAt    time.Time
}

// RegisterInput is the input of register.
type RegisterInput struct {
	Username       string
	Email          string
	Password       string
	DisplayName    *string
	InviteCode     *string
	IdempotencyKey *string
	Cookie         bool
}

// RegisterPayload is the answer of register.
type RegisterPayload struct {
	Viewer     *viewer.Viewer
	Session    *SessionTokens
	UserErrors []*AccountUserError
}

// SignInInput is the input of signIn.
type SignInInput struct {
	Login      string
	Password   string
	Reactivate bool
	Cookie     bool
}

// SignInPayload is the answer of signIn.
type SignInPayload struct {
	Viewer     *viewer.Viewer
	Session    *SessionTokens
	UserErrors []*AccountUserError
}

// RefreshSessionInput is the input of refreshSession.
type RefreshSessionInput struct {
	RefreshToken string
}

// RefreshSessionPayload is the answer of refreshSession.
type RefreshSessionPayload struct {
	Session    *SessionTokens
	UserErrors []*AccountUserError
}

// SignOutPayload is the answer of signOut.
type SignOutPayload struct {
	SessionID  *relay.ID
	UserErrors []*AccountUserError
}

// RevokeSessionInput is the input of revokeSession.
type RevokeSessionInput struct {
	SessionID relay.ID
}

// RevokeSessionPayload is the answer of revokeSession.
type RevokeSessionPayload struct {
	SessionID  *relay.ID
	UserErrors []*AccountUserError
}

// RevokeOtherSessionsPayload is the answer of revokeOtherSessions.
type RevokeOtherSessionsPayload struct {
	RevokedCount int
	UserErrors   []*AccountUserError
}

// ReauthenticateInput is the input of reauthenticate.
type ReauthenticateInput struct {
	Password string
}

// ReauthenticatePayload is the answer of reauthenticate.
type ReauthenticatePayload struct {
	RecentUntil *time.Time
	UserErrors  []*AccountUserError
}

// ChangeUsernameInput is the input of changeUsername.
type ChangeUsernameInput struct {
	Username string
}

// ChangeUsernamePayload is the answer of changeUsername.
type ChangeUsernamePayload struct {
	Account    *ent.Account
	UserErrors []*AccountUserError
}

// ChangePasswordInput is the input of changePassword.
type ChangePasswordInput struct {
	NewPassword string
}

// ChangePasswordPayload is the answer of changePassword.
type ChangePasswordPayload struct {
	Account    *ent.Account
	UserErrors []*AccountUserError
}

// DeactivateAccountPayload is the answer of deactivateAccount.
type DeactivateAccountPayload struct {
	DeactivatedAt *time.Time
	UserErrors    []*AccountUserError
}

// EraseAccountPayload is the answer of eraseAccount.
type EraseAccountPayload struct {
	EraseAfter *time.Time
	UserErrors []*AccountUserError
}

// RevokeAllSessionsPayload is the answer of revokeAllSessions.
type RevokeAllSessionsPayload struct {
	RevokedCount int
	UserErrors   []*AccountUserError
}
