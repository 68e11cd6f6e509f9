package invite

// InviteErrorCode is what went wrong, for programs. Codes never change once released.
type InviteErrorCode string

// What can go wrong with invites; the meanings stand in graph/invite.graphqls.
const (
	CodeInviteLimit     InviteErrorCode = "INVITE_LIMIT"
	CodeAccountBanned   InviteErrorCode = "ACCOUNT_BANNED"
	CodeEmailInvalid    InviteErrorCode = "EMAIL_INVALID"
	CodeMailOff         InviteErrorCode = "MAIL_OFF"
	CodeMaxUsesInvalid  InviteErrorCode = "MAX_USES_INVALID"
	CodeValidityInvalid InviteErrorCode = "VALIDITY_INVALID"
	CodeNotFound        InviteErrorCode = "NOT_FOUND"
)

// InviteUserError is a refusal: something the person can mend.
type InviteUserError struct {
	Message string
	Field   []string
	Code    InviteErrorCode
}

// Error is the sentence for people.
func (e *InviteUserError) Error() string { return e.Message }

// IsUserError marks the GraphQL interface.
func (*InviteUserError) IsUserError() {}

func refuse(code InviteErrorCode, message string, field ...string) error {
	return &InviteUserError{Code: code, Message: message, Field: field}
}
