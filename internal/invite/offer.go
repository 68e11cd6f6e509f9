package invite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/viewer"
)

// An offer is what a code in somebody's hand stands for: a mailed invite or a code that was made to be told.
type offer struct {
	invite, code uuid.UUID // one of them is the zero id
	inviter      *uuid.UUID
	expiresAt    time.Time
}

// find is the offer that a code stands for; nil if nobody can join with it. Whoever asks is nobody yet, and the context the
// system's.
func (s *Service) find(ctx context.Context, client *ent.Client, text string) (*offer, error) {
	code, ok := ReadCode(text)
	if !ok {
		return nil, nil // it stands for nothing
	}
	o, err := s.lookUp(ctx, client, hashOf(code))
	if o == nil || err != nil || o.inviter == nil {
		return o, err
	}
	row, err := client.Account.Query().Where(account.ID(*o.inviter)).Only(ctx)
	if db.IsNotFound(err) || err == nil && !stands(row) {
		return nil, nil // whoever is gone or kept out lets nobody in
	}
	if err != nil {
		return nil, fmt.Errorf("read the inviter's account: %w", err)
	}
	return o, nil
}

// lookUp is the offer with a hash, whoever makes it.
func (s *Service) lookUp(ctx context.Context, client *ent.Client, hash []byte) (*offer, error) {
	code, err := client.InviteCode.Query().Where(invitecode.CodeHash(hash)).Only(ctx)
	switch {
	case err == nil && s.CodeStateOf(code) == CodeStateActive:
		return &offer{code: code.ID, inviter: code.InviterID, expiresAt: code.ExpiresAt}, nil
	case err == nil:
		return nil, nil // it has ended
	case !db.IsNotFound(err):
		return nil, fmt.Errorf("look a code up: %w", err)
	}
	row, err := client.Invite.Query().Where(invite.CodeHash(hash)).Only(ctx)
	switch {
	case err == nil && s.StateOf(row) == StatePending:
		return &offer{invite: row.ID, inviter: &row.InviterID, expiresAt: row.ExpiresAt}, nil
	case err == nil || db.IsNotFound(err):
		return nil, nil // there is none, or it has ended
	}
	return nil, fmt.Errorf("look an invite up: %w", err)
}

// Preview is what whoever holds a code may know of it before they register; nil if nobody can join with it.
func (s *Service) Preview(ctx context.Context, code string) (*InvitePreview, error) {
	sys := viewer.AsSystem(ctx, "whoever was given a code is nobody yet")
	o, err := s.find(sys, s.db.Ent, code)
	if o == nil || err != nil {
		return nil, err
	}
	p := &InvitePreview{ExpiresAt: o.expiresAt}
	if o.inviter == nil {
		return p, nil
	}
	// Whoever is signed in sees whom they see elsewhere.
	if viewer.From(ctx).Kind() == viewer.Person {
		visible, err := s.profiles.ByIDs(ctx, []uuid.UUID{*o.inviter})
		if err != nil || visible[*o.inviter] == nil {
			return p, err
		}
	}
	var cards map[uuid.UUID]*profile.ProfileCard
	cards, err = s.profiles.Cards(ctx, []uuid.UUID{*o.inviter})
	p.Inviter = cards[*o.inviter]
	return p, err
}

// isBlank tells that somebody who was asked for a code gave none.
func isBlank(code string) bool { return strings.TrimSpace(code) == "" }
