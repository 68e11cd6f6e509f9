package account

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/viewer"
)

// checkInvite answers what keeps somebody from registering as far as their invite goes. The operator lets in whom they like.
func (s *Service) checkInvite(ctx context.Context, c claim) (refusal, err error) {
	isBlank := strings.TrimSpace(c.inviteCode) == ""
	if isBlank && (s.invites == nil || viewer.From(ctx).Kind() == viewer.Operator) {
		return nil, nil // nothing to look at
	}
	if s.invites == nil {
		return uninvited(invite.ErrInvalid), nil
	}
	return split(s.invites.Check(ctx, c.inviteCode))
}

// useInvite uses the code up by one and answers who invited; nil if nobody did.
func (s *Service) useInvite(ctx context.Context, tx *ent.Tx, c claim) (*uuid.UUID, error) {
	if s.invites == nil {
		return nil, nil // nobody is invited here
	}
	inviter, err := s.invites.Redeem(ctx, tx, c.inviteCode)
	return inviter, errors.Join(split(err))
}

// split tells what the person can mend from what they can not.
func split(err error) (refusal, fatal error) {
	if refusal := uninvited(err); refusal != nil {
		return refusal, nil
	}
	return nil, err
}

func uninvited(err error) error {
	at := []string{"input", "inviteCode"}
	switch {
	case errors.Is(err, invite.ErrRequired):
		return refuse(CodeInviteCodeRequired, "Nobody joins here without an invite.", at...)
	case errors.Is(err, invite.ErrInvalid):
		return refuse(CodeInviteCodeInvalid, "One can not join with this code, or not any more.", at...)
	}
	return nil
}

// newcomer is the facts of a new account.
func newcomer(id uuid.UUID, inviter *uuid.UUID) []fact.Fact {
	facts := []fact.Fact{{Kind: factCreated, Subject: id, Actor: id}}
	if inviter != nil {
		facts = append(facts, fact.Fact{Kind: factReferred, Subject: id, Actor: id, Refs: map[string]uuid.UUID{refInviter: *inviter}})
	}
	return facts
}
