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
	Login    string
	Password string
	Cookie   bool
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

// RequestEmailVerificationPayload is the answer of requestEmailVerification.
type RequestEmailVerificationPayload struct {
	Account    *ent.Account
	UserErrors []*AccountUserError
}

// VerifyEmailInput is the input of verifyEmail.
type VerifyEmailInput struct {
	Token string
}

// VerifyEmailPayload is the answer of verifyEmail.
type VerifyEmailPayload struct {
	Account     *ent.Account
	IsVerified  bool
	IsResetSent bool
	UserErrors  []*AccountUserError
}

// RequestPasswordResetInput is the input of requestPasswordReset.
type RequestPasswordResetInput struct {
	Login string
}

// RequestPasswordResetPayload is the answer of requestPasswordReset.
type RequestPasswordResetPayload struct {
	UserErrors []*AccountUserError
}

// ResetPasswordInput is the input of resetPassword.
type ResetPasswordInput struct {
	Token       string
	NewPassword string
	Cookie      bool
}

// ResetPasswordPayload is the answer of resetPassword.
type ResetPasswordPayload struct {
	Viewer     *viewer.Viewer
	Session    *SessionTokens
	UserErrors []*AccountUserError
}

// IssuePasswordResetInput is the input of issuePasswordReset.
type IssuePasswordResetInput struct {
	AccountID relay.ID
}

// IssuePasswordResetPayload is the answer of issuePasswordReset.
type IssuePasswordResetPayload struct {
	AccountID  *relay.ID
	UserErrors []*AccountUserError
}

// ChangeEmailInput is the input of changeEmail.
type ChangeEmailInput struct {
	Email string
}

// ChangeEmailPayload is the answer of changeEmail.
type ChangeEmailPayload struct {
	Account    *ent.Account
	UserErrors []*AccountUserError
}

// UndoEmailChangeInput is the input of undoEmailChange.
type UndoEmailChangeInput struct {
	Token string
}

// UndoEmailChangePayload is the answer of undoEmailChange.
type UndoEmailChangePayload struct {
	IsDone     bool
	UserErrors []*AccountUserError
}
