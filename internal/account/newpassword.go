package account

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/password"
)

// owner is whose password it is going to be: what everybody may know of them.
type owner struct {
	username, email, displayName string
}

// checkNewPassword refuses a password that somebody would guess who tries what others use. Every password that
// a person chooses passes here before it is hashed; the field is where it stands in the input.
func (s *Service) checkNewPassword(ctx context.Context, chosen string, of owner, field ...string) error {
	if strings.EqualFold(chosen, of.username) || strings.EqualFold(chosen, of.email) {
		return refuse(CodePasswordInvalid, "The password must not be the username or the address.", field...)
	}
	code := CodePasswordWeak
	kind, problem := s.judge.Check(ctx, chosen, of.username, of.email, of.displayName, s.service)
	switch kind {
	case password.Good:
		return nil
	case password.Malformed:
		code = CodePasswordInvalid
	case password.Known:
		code = CodePasswordBreached
	case password.Weak:
	}
	return refuse(code, problem, field...)
}

// checkPasswordOf is checkNewPassword for an account that there is already.
func (s *Service) checkPasswordOf(ctx context.Context, chosen string, of *ent.Account, field ...string) error {
	cards, err := s.profiles.Cards(ctx, []uuid.UUID{of.ID})
	if err != nil {
		return err
	}
	who := owner{username: of.Username, email: of.Email}
	if card := cards[of.ID]; card != nil {
		who.displayName = card.DisplayName
	}
	return s.checkNewPassword(ctx, chosen, who, field...)
}
