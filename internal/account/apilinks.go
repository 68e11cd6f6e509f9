package account

import (
	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// The types of graph/account_links.graphqls.

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
	ProfileID relay.ID
}

// IssuePasswordResetPayload is the answer of issuePasswordReset.
type IssuePasswordResetPayload struct {
	ProfileID  *relay.ID
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
