package account

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
)

const (
	maxEmail       = 254
	maxIdempotency = 64 // characters
)

// A claim is what somebody who registers says of themselves, in the form in which it is stored.
type claim struct {
	username, email, displayName, password string
	key                                    string // empty if none was given
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

// readClaim checks all that can be checked without asking our database. The refusals come joined, so that
// a form shows them at once; the fault is about the idempotency key, which is the client's and no person's.
func (s *Service) readClaim(ctx context.Context, in RegisterInput) (c claim, refusals error, fatal error) {
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
	var problem string
	c.username, problem = checkUsername(in.Username)
	add(CodeUsernameInvalid, problem, "username")
	if problem == "" && reserved[strings.NewReplacer(".", "", "_", "").Replace(c.username)] {
		add(CodeUsernameTaken, usernameTaken, "username")
	}
	c.email, problem = checkEmail(in.Email)
	add(CodeEmailInvalid, problem, "email")
	c.displayName = c.username
	if in.DisplayName != nil {
		c.displayName, problem = profile.CheckDisplayName(*in.DisplayName)
		add(CodeDisplayNameInvalid, problem, "displayName")
	}
	problems = append(problems, s.checkNewPassword(ctx, c.password, owner{c.username, c.email, c.displayName}, "input", "password"))
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

func checkEmail(s string) (email, problem string) {
	const wrong = "This is not an e-mail address."
	email = foldEmail(s)
	if len(email) > maxEmail {
		return email, fmt.Sprintf("An e-mail address has at most %d characters.", maxEmail)
	}
	// Nothing that could end a mail's header and begin another.
	if strings.ContainsFunc(email, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return email, wrong
	}
	// Equal to what was read: so it is an address alone, without a name, brackets, quotes or comments.
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email {
		return email, wrong
	}
	local, domain, _ := strings.Cut(email, "@")
	if len(local) > 64 || strings.HasPrefix(domain, "[") || !strings.Contains(domain, ".") {
		return email, wrong
	}
	return email, ""
}

// foldEmail lowers the letters a to z alone: Unicode's own folding makes another address of some.
func foldEmail(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Trim(s, " "))
}
