package account

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/profile"
)

const maxIdempotency = 64 // characters

// A claim is what somebody who registers says of themselves, in the form in which it is stored.
type claim struct {
	username, email, displayName, password string
	key                                    string // empty if none was given
	inviteCode                             string // blank if none was given
	cookie                                 bool
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
	if in.InviteCode != nil {
		c.inviteCode = *in.InviteCode
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
	if problem == "" && isReserved(c.username) {
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

func checkEmail(s string) (email, problem string) { return mail.ReadAddress(s) }

func foldEmail(s string) string { return mail.FoldAddress(s) }
