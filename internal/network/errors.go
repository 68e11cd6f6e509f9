package network

// NetworkErrorCode is what went wrong, for programs. Codes never change once released.
type NetworkErrorCode string

// What can go wrong with the network; the meanings stand in graph/network.graphqls.
const (
	CodeNotFound NetworkErrorCode = "NOT_FOUND"
	CodeSelf     NetworkErrorCode = "SELF"
)

// NetworkUserError is a refusal: something the person can mend.
type NetworkUserError struct {
	Message string
	Field   []string
	Code    NetworkErrorCode
}

// Error is the sentence for people.
func (e *NetworkUserError) Error() string { return e.Message }

// IsUserError marks the GraphQL interface.
func (*NetworkUserError) IsUserError() {}

func refuse(code NetworkErrorCode, message string, field ...string) error {
	return &NetworkUserError{Code: code, Message: message, Field: field}
}
