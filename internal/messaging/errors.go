package messaging

// MessagingErrorCode is what went wrong, for programs. Codes never change once released.
type MessagingErrorCode string

// What can go wrong with messages; the meanings stand in graph/messaging.graphqls.
const (
	CodeBodyInvalid   MessagingErrorCode = "BODY_INVALID"
	CodeNotFound      MessagingErrorCode = "NOT_FOUND"
	CodeCannotMessage MessagingErrorCode = "CANNOT_MESSAGE"
	CodeSelf          MessagingErrorCode = "SELF"
	CodeConflict      MessagingErrorCode = "CONFLICT"
	CodeDeleted       MessagingErrorCode = "DELETED"
)

// MessagingUserError is a refusal: something the person can mend.
type MessagingUserError struct {
	Message string
	Field   []string
	Code    MessagingErrorCode
}

// Error is the sentence for people.
func (e *MessagingUserError) Error() string { return e.Message }

// IsUserError marks the GraphQL interface.
func (*MessagingUserError) IsUserError() {}

func refuse(code MessagingErrorCode, message string, field ...string) error {
	return &MessagingUserError{Code: code, Message: message, Field: field}
}
