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
	// Invited asks somebody to join.
	Invited = "invite.by_email"
	// VerifyEmail has the link by which an account proves its address.
	VerifyEmail = "account.verify_email"
	// VerifyFirst has it too: a new password was asked for before the address was proved.
	VerifyFirst = "account.verify_first"
	// EmailClaimed tells the owner of an address that somebody else gave it.
	EmailClaimed = "account.email_claimed"
	// ResetPassword has the link to a new password.
	ResetPassword = "account.reset_password"
	// ResetByAdmin has it too: an administrator had it sent.
	ResetByAdmin = "account.reset_by_admin"
	// PasswordChanged tells that an account has a new password.
	PasswordChanged = "account.password_changed"
	// ChangeEmail has the link by which an account proves the address that it changes to.
	ChangeEmail = "account.change_email"
	// EmailChangeAsked tells the old address of a change that is asked for, with a link that takes it back.
	EmailChangeAsked = "account.email_change_asked"
	// EmailChanged tells the old address of a change that is done, with a link that takes it back.
	EmailChanged = "account.email_changed"
	// UsernameChanged tells that the account has another username.
	UsernameChanged = "account.username_changed"
	// Deactivated tells how to come back.
	Deactivated = "account.deactivated"
	// ErasureRequested tells until when one can come back.
	ErasureRequested = "account.erasure_requested"
	// NewDevice tells that somebody has signed in with a device or from a place that is new.
	NewDevice = "account.new_device"
)

// A Letter is what to write to whom. It is stored until it is sent and for weeks after that.
type Letter struct {
	// Template is one of the templates' names.
	Template string `json:"template"`
	// Account is whom it is to. The address is read when it is sent.
	Account uuid.UUID `json:"account,omitzero"`
	// About is a row instead of an account, by which the template's writer finds, when it is sent, where it goes and what
	// else stands in it: so neither an address nor a secret is stored with the job.
	About uuid.UUID `json:"about,omitzero"`
	// To is an address instead of an account: for mails to nobody's account.
	To string `json:"to,omitempty"`
	// Data is what the template names besides the recipient: nothing personal.
	Data map[string]string `json:"data,omitempty"`
}

// DataLink names a link among the data of the templates that have one.
const DataLink = "link"

var sampleLink = map[string]string{DataLink: "https://convene.example/verify?token=a-sample-that-opens-nothing"}

// letters are all templates with the data that the gallery of the development pages shows them with.
var letters = map[string]struct {
	*written
	sample map[string]string
}{
	Test:                 {parse(Test), nil},
	PasswordResetByAdmin: {parse(PasswordResetByAdmin), nil},
	Invited:              {parse(Invited), map[string]string{"from": "grace", "code": "0000-sample-no-code-0000", "until": "4 December 2026"}},
	VerifyEmail:          {parse(VerifyEmail), sampleLink},
	VerifyFirst:          {parse(VerifyFirst), sampleLink},
	EmailClaimed:         {parse(EmailClaimed), nil},
	ResetPassword:        {parse(ResetPassword), sampleLink},
	ResetByAdmin:         {parse(ResetByAdmin), sampleLink},
	PasswordChanged:      {parse(PasswordChanged), nil},
	ChangeEmail:          {parse(ChangeEmail), sampleLink},
	EmailChangeAsked:     {parse(EmailChangeAsked), sampleLink},
	EmailChanged:         {parse(EmailChanged), sampleLink},
	UsernameChanged:      {parse(UsernameChanged), nil},
	Deactivated:          {parse(Deactivated), nil},
	ErasureRequested:     {parse(ErasureRequested), map[string]string{"until": "14 January 2030, 09:30 UTC"}},
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
	return write(template, url, Recipient{Name: "ada", Address: "ada@example.com"}, letters[template].sample)
}
