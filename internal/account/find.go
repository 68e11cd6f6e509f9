package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
)

// Find is somebody's account, for admins and the operator: by @username, username, e-mail address, or the
// global id of the account or the profile. An address means whom it would sign in.
func (s *Service) Find(ctx context.Context, who string) (*ent.Account, error) {
	sys, err := oversee(ctx)
	if err != nil {
		return nil, err
	}
	var row *ent.Account
	// No username is as long as an id with one of these prefixes.
	switch prefix, id, ok := relay.ID(who).Split(); {
	case ok && (prefix == ent.AccountPrefix || prefix == ent.ProfilePrefix):
		row, err = s.db.Ent.Account.Get(sys, id)
	default:
		row, err = s.claimant(sys, who)
	}
	if db.IsNotFound(err) {
		return nil, refuse(CodeNotFound, fmt.Sprintf("There is no account %q.", who))
	}
	if err != nil {
		return nil, fmt.Errorf("find the account: %w", err)
	}
	return row, nil
}
