package account

// AccountErrorCode is what went wrong, for programs. Codes never change once released.
type AccountErrorCode string

// What can go wrong with accounts and sessions; the meanings stand in graph/account.graphqls.
const (
	CodeUsernameInvalid    AccountErrorCode = "USERNAME_INVALID"
	CodeUsernameTaken      AccountErrorCode = "USERNAME_TAKEN"
	CodeEmailInvalid       AccountErrorCode = "EMAIL_INVALID"
	CodePasswordInvalid    AccountErrorCode = "PASSWORD_INVALID"
	CodePasswordWeak       AccountErrorCode = "PASSWORD_WEAK"
	CodePasswordBreached   AccountErrorCode = "PASSWORD_BREACHED"
	CodeDisplayNameInvalid AccountErrorCode = "DISPLAY_NAME_INVALID"
	CodeWrongCredentials   AccountErrorCode = "WRONG_CREDENTIALS"
	CodeAccountBanned      AccountErrorCode = "ACCOUNT_BANNED"
	CodeSessionEnded       AccountErrorCode = "SESSION_ENDED"
	CodeNotFound           AccountErrorCode = "NOT_FOUND"

	CodeInviteCodeRequired AccountErrorCode = "INVITE_CODE_REQUIRED"
	CodeInviteCodeInvalid  AccountErrorCode = "INVITE_CODE_INVALID"
	CodeLinkInvalid        AccountErrorCode = "LINK_INVALID"
	CodeLinkExpired        AccountErrorCode = "LINK_EXPIRED"
	CodeLinkUsed           AccountErrorCode = "LINK_USED"
	CodeEmailTaken         AccountErrorCode = "EMAIL_TAKEN"
	CodeEmailMissing       AccountErrorCode = "EMAIL_MISSING"

	CodeReauthenticationRequired AccountErrorCode = "REAUTHENTICATION_REQUIRED"
	CodeAccountDeactivated       AccountErrorCode = "ACCOUNT_DEACTIVATED"
	CodeUsernameChangedTooOften  AccountErrorCode = "USERNAME_CHANGED_TOO_OFTEN"
)

// AccountUserError is a refusal: something the person can mend.
type AccountUserError struct {
	Message string
	Field   []string
	Code    AccountErrorCode
}

// Error is the sentence for people.
func (e *AccountUserError) Error() string { return e.Message }

// IsUserError marks the GraphQL interface.
func (*AccountUserError) IsUserError() {}

func refuse(code AccountErrorCode, message string, field ...string) error {
	return &AccountUserError{Code: code, Message: message, Field: field}
}
