package profile

// ProfileErrorCode is what went wrong, for programs. Codes never change once released.
type ProfileErrorCode string

// What can go wrong with profiles; the meanings stand in graph/profile.graphqls.
const (
	CodeDisplayNameInvalid ProfileErrorCode = "DISPLAY_NAME_INVALID"
	CodeConflict           ProfileErrorCode = "CONFLICT"
)

// ProfileUserError is a refusal: something the person can mend.
type ProfileUserError struct {
	Message string
	Field   []string
	Code    ProfileErrorCode
}

// Error is the sentence for people.
func (e *ProfileUserError) Error() string { return e.Message }

// IsUserError marks the GraphQL interface.
func (*ProfileUserError) IsUserError() {}

func refuse(code ProfileErrorCode, message string, field ...string) error {
	return &ProfileUserError{Code: code, Message: message, Field: field}
}
