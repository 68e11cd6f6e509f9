package account

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/profile"
)

const (
	minPassword    = 8   // characters
	maxPassword    = 256 // bytes
	maxIdempotency = 64  // characters
)

// A claim is what somebody who registers says of themselves, in the form in which it is stored.
type claim struct {
	username, email, displayName, password string
	key                                    string // empty if none was given
	inviteCode                             string // blank if none was given
	cookie                                 bool
}

// usernames have separators between letters or digits only, one at a time.
var usernameForm = regexp.MustCompile(`^[a-z0-9]+([._][a-z0-9]+)*$`)

// reserved are usernames by which somebody could pass for the service, or that programs stumble over.
// They are answered as taken: the service has them.
var reserved = map[string]bool{
	"abuse": true, "admin": true, "administrator": true, "anonymous": true, "api": true, "convene": true,
	"everyone": true, "help": true, "me": true, "mod": true, "moderator": true, "nobody": true,
	"noreply": true, "null": true, "official": true, "postmaster": true, "root": true, "security": true,
	"staff": true, "support": true, "system": true, "team": true, "undefined": true, "viewer": true,
	"webmaster": true,
}

// readClaim checks all that can be checked without asking the database. The refusals come joined, so that
// a form shows them at once; the fault is about the idempotency key, which is the client's and no person's.
func readClaim(in RegisterInput) (c claim, refusals error, fatal error) {
	if in.IdempotencyKey != nil {
		c.key = *in.IdempotencyKey
		if n := utf8.RuneCountInString(c.key); n < 1 || n > maxIdempotency {
			return claim{}, nil, fault.BadRequest([]string{"input", "idempotencyKey"},
				"An idempotency key has 1 to %d characters.", maxIdempotency)
		}
	}
	var problems []error
	add := func(code AccountErrorCode, problem, field string) {
		if problem != "" {
			problems = append(problems, refuse(code, problem, "input", field))
		}
	}
	c.cookie, c.password = in.Cookie, in.Password
	if in.InviteCode != nil {
		c.inviteCode = *in.InviteCode
	}
	var problem string
	c.username, problem = checkUsername(in.Username)
	add(CodeUsernameInvalid, problem, "username")
	if problem == "" && reserved[strings.NewReplacer(".", "", "_", "").Replace(c.username)] {
		add(CodeUsernameTaken, usernameTaken, "username")
	}
	c.email, problem = checkEmail(in.Email)
	add(CodeEmailInvalid, problem, "email")
	add(CodePasswordInvalid, checkPassword(c), "password")
	c.displayName = c.username
	if in.DisplayName != nil {
		c.displayName, problem = profile.CheckDisplayName(*in.DisplayName)
		add(CodeDisplayNameInvalid, problem, "displayName")
	}
	return c, errors.Join(problems...), nil
}

func checkUsername(s string) (username, problem string) {
	username = foldUsername(s)
	switch {
	case len(username) < 3 || len(username) > 30:
		return username, "A username has 3 to 30 characters."
	case !usernameForm.MatchString(username):
		return username, "A username has letters from a to z and digits, and single dots or underscores between them."
	}
	return username, ""
}

// foldUsername takes the case away from ASCII letters alone: Unicode's folding would make a K of the
// Kelvin sign, and of a name that is not allowed somebody else's.
func foldUsername(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Trim(s, " "))
}

func checkEmail(s string) (email, problem string) { return mail.ReadAddress(s) }

func foldEmail(s string) string { return mail.FoldAddress(s) }

func checkPassword(c claim) (problem string) {
	switch {
	case utf8.RuneCountInString(c.password) < minPassword:
		return fmt.Sprintf("A password has at least %d characters.", minPassword)
	case len(c.password) > maxPassword:
		return fmt.Sprintf("A password has at most %d bytes.", maxPassword)
	case strings.EqualFold(c.password, c.username) || strings.EqualFold(c.password, c.email):
		return "The password must not be the username or the address."
	}
	return ""
}
