package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
)

// Recipient is whom a mail goes to.
type Recipient struct {
	// Name is how to address the person.
	Name string
	// Address is where the mail goes; empty if it goes nowhere.
	Address string
}

// Message is a mail as it is sent.
type Message struct {
	// ID is its Message-ID, without the brackets: the same on every attempt.
	ID      string
	Written time.Time
	To      Recipient
	Subject string
	Text    string
	HTML    string
}

// Sender brings messages on their way. An error that is ErrRefused is final, any other may pass.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrRefused is a mail that the server does not want, now or later.
var ErrRefused = errors.New("the mail was refused")

// CheckAddress refuses what is no plain address, such as ada@example.org.
func CheckAddress(address string) error {
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" || line(address) != address {
		return fmt.Errorf("%q is no mail address", address)
	}
	return nil
}

// line makes one line of a text that somebody else chose, so that it neither ends a header nor begins a
// paragraph.
func line(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s))
}
