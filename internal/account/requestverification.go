package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// RequestEmailVerification has the link sent again by which the viewer proves their address, or the one that they change
// to. The links before it stay good. A claim that has lapsed is made anew. Nothing is sent if nothing is left to prove.
func (s *Service) RequestEmailVerification(ctx context.Context) (*ent.Account, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	ctx = viewer.AsSystem(ctx, "links are nobody's to see")
	var row *ent.Account
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		row, err = lockAccount(ctx, tx, me)
		if db.IsNotFound(err) {
			return fault.Unauthenticated()
		}
		if err != nil {
			return err
		}
		purpose, template, to := onetimetoken.PurposeVERIFY_EMAIL, mail.VerifyEmail, row.Email
		switch pending := s.pendingEmail(row); {
		case pending != "":
			purpose, template, to = onetimetoken.PurposeCHANGE_EMAIL, mail.ChangeEmail, pending
		case row.EmailVerifiedAt != nil:
			return nil
		case row.Email == "":
			return refuse(CodeEmailMissing, "The account has no address. Give it one first.")
		}
		if err := s.requireLink(ctx, tx, row); err != nil {
			return err
		}
		if purpose == onetimetoken.PurposeVERIFY_EMAIL && !s.isClaimed(row) {
			if row, err = tx.Account.UpdateOne(row).SetEmailClaimedAt(s.now()).AddVersion(1).Save(ctx); err != nil {
				return fmt.Errorf("claim the address anew: %w", err)
			}
		}
		return s.mailLink(ctx, tx, template, row, purpose, to, verifyLifetime)
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}
