package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Invites are who may join, and how they get to the app.
type Invites struct {
	// InviteOnly is on or off: whether nobody joins without an invite's code; `convene admin invite` makes the first.
	InviteOnly string `env:"CONVENE_INVITE_ONLY" envDefault:"off"`
	// InvitesPerAccount is how many invites and codes together an account may make in a day; 1 or more.
	InvitesPerAccount int `env:"CONVENE_INVITES_PER_ACCOUNT" envDefault:"20"`
	// AppURL is where the app takes an invite's code, like https://app.example.org/join?code={code} or
	// myapp://join/{code}; the page /r/{code} leads there; without it that page says what to do with the code.
	AppURL string `env:"CONVENE_APP_URL"`
}

// codePlace is what stands for an invite's code in AppURL.
const codePlace = "{code}"

// IsInviteOnly tells whether nobody joins without a code.
func (i Invites) IsInviteOnly() bool { return i.InviteOnly == "on" }

// AppLink is where the app takes a code; empty if there is no app.
func (i Invites) AppLink(code string) string {
	return strings.Replace(i.AppURL, codePlace, url.QueryEscape(code), 1)
}

func (i Invites) checkInvites() error {
	if i.InvitesPerAccount < 1 || i.InvitesPerAccount > 1_000_000 {
		return fmt.Errorf("CONVENE_INVITES_PER_ACCOUNT is %d and has to be between 1 and 1000000", i.InvitesPerAccount)
	}
	if i.AppURL == "" {
		return nil
	}
	// A brace in the host is no address, so the code can choose no other place.
	u, err := url.Parse(i.AppURL)
	runs := err == nil && slices.Contains([]string{"", "javascript", "data", "vbscript"}, u.Scheme)
	if err != nil || runs || strings.Count(i.AppURL, codePlace) != 1 || strings.ContainsAny(i.AppURL, " \r\n\t") {
		return errors.New("CONVENE_APP_URL has to be an address with {code} in its path or query, like https://app.example.org/join?code={code}")
	}
	return nil
}
