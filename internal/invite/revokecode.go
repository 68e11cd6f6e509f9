package invite

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// RevokeCode ends a code of the viewer's; admins and the operator end anybody's. Revoking twice changes nothing, nor does
// revoking one whose time is up.
func (s *Service) RevokeCode(ctx context.Context, in RevokeInviteCodeInput) (*ent.InviteCode, error) {
	v, read := viewer.From(ctx), ctx
	if v.IsAdmin() {
		read = viewer.AsSystem(ctx, "admins and the operator look after the codes of others")
	} else if _, err := viewer.Require(ctx); err != nil {
		return nil, err
	}
	id, err := in.InviteCodeID.Row(ent.InviteCodePrefix, "input", "inviteCodeId")
	if err != nil {
		return nil, err
	}
	var row *ent.InviteCode
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		row, err = tx.InviteCode.Query().Where(invitecode.ID(id)).ForUpdate().Only(read)
		if db.IsNotFound(err) {
			return refuse(CodeNotFound, "There is no such code.", "input", "inviteCodeId")
		}
		if err != nil {
			return fmt.Errorf("lock the code: %w", err)
		}
		now := s.now()
		if row.RevokedAt != nil || !now.Before(row.ExpiresAt) {
			return nil
		}
		if row, err = tx.InviteCode.UpdateOne(row).SetRevokedAt(now).Save(read); err != nil {
			return fmt.Errorf("revoke the code: %w", err)
		}
		if v.Kind() == viewer.Operator || row.InviterID == nil || *row.InviterID != v.Account() {
			if err := s.logRevoked(ctx, tx, row); err != nil {
				return err
			}
		}
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factCodeRevoked, Subject: id})
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}

// logRevoked writes into the audit log that somebody else's code was ended.
func (s *Service) logRevoked(ctx context.Context, tx *ent.Tx, row *ent.InviteCode) error {
	e := audit.Entry{
		Action: audit.InviteCodeRevoked, Target: audit.Target{Kind: ent.InviteCodePrefix, ID: row.ID}, At: s.now(),
		Diff: audit.Diff{"revoked": audit.FromTo(false, true)},
	}
	if row.InviterID != nil {
		e.Account = *row.InviterID
	}
	return audit.Write(ctx, tx, e)
}
