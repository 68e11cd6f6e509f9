package invite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// ByEmail invites somebody by mail. Nothing about whoever has the address is looked at here: a job does that after the
// answer, see write.
func (s *Service) ByEmail(ctx context.Context, in InviteByEmailInput) (*ent.Invite, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if s.o.Mail != nil && !s.o.Mail.IsOn() {
		return nil, refuse(CodeMailOff, "This service sends no mails. Make a code and tell it to them.")
	}
	address, problem := mail.ReadAddress(in.Email)
	var wrong error
	if problem != "" {
		wrong = refuse(CodeEmailInvalid, problem, "input", "email")
	}
	lasts, err := validity(in.ValidForDays, maxInviteDays)
	if err := errors.Join(wrong, err); err != nil {
		return nil, err
	}
	var row *ent.Invite
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		inviter, err := s.hold(ctx, tx, me)
		if err != nil {
			return err
		}
		now := s.now()
		// The policy lets the viewer see invites of their own alone.
		row, err = tx.Invite.Query().Where(
			invite.EmailMACIn(s.addressMACs(address)...), invite.EmailNotNil(), invite.ExpiresAtGT(now),
		).First(ctx)
		if err == nil || !db.IsNotFound(err) {
			return err
		}
		if err := s.admit(ctx, tx, inviter, true); err != nil {
			return err
		}
		id := uuid.Must(uuid.NewV7())
		row, err = tx.Invite.Create().SetID(id).SetCreatedAt(now).SetExpiresAt(now.Add(lasts)).
			SetInviterID(me).SetEmail(address).SetEmailMAC(s.addressMACs(address)[0]).
			SetCodeHash(hashOf(spell(s.ring.MAC(ofInvite, id[:])))).Save(ctx)
		if err != nil {
			return fmt.Errorf("write the invite: %w", err)
		}
		if s.o.Mail != nil {
			if _, err := s.o.Mail.Post(ctx, tx, mail.Letter{Template: mail.Invited, About: id}); err != nil {
				return err
			}
		}
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factCreated, Subject: id})
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}

// addressMACs are the keyed hashes of an address, the newest first. Addresses are few enough to be guessed from a plain hash.
func (s *Service) addressMACs(address string) [][]byte {
	return s.ring.MACs("invite/address", []byte(address))
}
