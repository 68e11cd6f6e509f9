package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// ByUsername is the id of the account with a username; the zero id if there is none. It is for the demo's
// people, whom the development pages know by name.
func (s *Service) ByUsername(ctx context.Context, username string) (uuid.UUID, error) {
	ctx = viewer.AsSystem(ctx, "the development pages are signed in as nobody")
	id, err := s.db.Ent.Account.Query().Where(account.Username(foldUsername(username))).OnlyID(ctx)
	if db.IsNotFound(err) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("find the account by its username: %w", err)
	}
	return id, nil
}

// SignInAs opens a session for an account without its password. It is for the development pages, where
// one clicks on a demo person to be them: nothing else may call it, and the server has no such routes
// outside of development.
func (s *Service) SignInAs(ctx context.Context, account uuid.UUID, cookie bool) (*SignedIn, error) {
	ctx = viewer.AsSystem(ctx, "the development pages are signed in as nobody")
	who, err := s.db.Ent.Account.Get(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("read the account: %w", err)
	}
	var session *ent.AuthSession
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		session, err = s.admit(ctx, tx, who, cookie)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.signedIn(session, who.Role)
}
