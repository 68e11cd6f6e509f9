package mail

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// The templates there are. Their names are stored with jobs and never change.
const (
	// Test is what `convene admin mail-test` sends.
	Test = "mail.test"
	// PasswordResetByAdmin tells that an administrator has set a new password and ended all sessions.
	PasswordResetByAdmin = "account.password_reset_by_admin"
	// NewDevice tells that somebody has signed in with a device or from a place that is new.
	NewDevice = "account.new_device"
)

// A Letter is what to write to whom. It is stored until it is sent and for weeks after that.
type Letter struct {
	// Template is one of the templates' names.
	Template string `json:"template"`
	// Account is whom it is to. The address is read when it is sent.
	Account uuid.UUID `json:"account,omitzero"`
	// To is an address instead of an account: for mails to nobody's account.
	To string `json:"to,omitempty"`
	// Data is what the template names besides the recipient: nothing personal.
	Data map[string]string `json:"data,omitempty"`
}

// letters are all templates with the data that the gallery of the development pages shows them with.
var letters = map[string]struct {
	*written
	sample map[string]string
}{
	Test:                 {parse(Test), nil},
	PasswordResetByAdmin: {parse(PasswordResetByAdmin), nil},
	NewDevice:            {parse(NewDevice), map[string]string{"device": "Firefox on Linux", "at": "20 November 2026 at 18:25 UTC"}},
}

// write makes a message of a letter; who sends it adds when and by which name.
func write(template, url string, to Recipient, data map[string]string) (Message, error) {
	w, ok := letters[template]
	if !ok {
		return Message{}, fmt.Errorf("there is no template %s", template)
	}
	subject, text, page, err := w.render(fill{Name: to.Name, URL: url, Data: data})
	if err != nil {
		return Message{}, fmt.Errorf("fill the template %s in: %w", template, err)
	}
	return Message{To: to, Subject: subject, Text: text, HTML: page}, nil
}

// Templates are the names of all templates.
func Templates() []string { return slices.Sorted(maps.Keys(letters)) }

// Sample is a template filled in with what somebody might get.
func Sample(template, url string) (Message, error) {
	return write(template, url, Recipient{Name: "Ada", Address: "ada@example.com"}, letters[template].sample)
}
