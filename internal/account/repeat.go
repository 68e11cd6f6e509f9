package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/idempotencykey"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
)

// The purposes of the keyed hashes in a key's row. Nothing of the input can be guessed from the row: not
// the address, and the password is not in it at all.
const (
	registerScope = "account/register/scope"
	registerInput = "account/register/input"
)

func (c claim) scope() [][]byte { return [][]byte{[]byte(c.email), []byte(c.key)} }

func (c claim) input() [][]byte {
	mode := []byte("tokens")
	if c.cookie {
		mode = []byte("cookie")
	}
	return [][]byte{[]byte(c.username), []byte(c.displayName), mode}
}

// rememberKey writes the key's row; errRaced if somebody just did.
func (s *Service) rememberKey(ctx context.Context, tx *ent.Tx, c claim, session uuid.UUID) error {
	now, scope := s.now(), s.ring.MAC(registerScope, c.scope()...)
	_, err := tx.IdempotencyKey.Delete().
		Where(idempotencykey.Scope(scope), idempotencykey.ExpiresAtLTE(now)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget the key of another day: %w", err)
	}
	err = tx.IdempotencyKey.Create().SetCreatedAt(now).
		SetScope(scope).SetInputMAC(s.ring.MAC(registerInput, c.input()...)).
		SetResultID(session).SetExpiresAt(now.Add(keyLifetime)).Exec(ctx)
	if db.IsUnique(err, "idempotencykey_scope") {
		return errRaced
	}
	if err != nil {
		return fmt.Errorf("remember the idempotency key: %w", err)
	}
	return nil
}

// repeat answers a registration that was done before under the same key: whoever knows the password gets a
// new session in place of the first one, whose tokens may never have arrived. Nil if there was none.
func (s *Service) repeat(ctx context.Context, c claim) (*SignedIn, error) {
	row, err := s.db.Ent.IdempotencyKey.Query().
		Where(idempotencykey.ScopeIn(s.ring.MACs(registerScope, c.scope()...)...), idempotencykey.ExpiresAtGT(s.now())).
		First(ctx)
	if db.IsNotFound(err) {
		return nil, nil // there was no first try
	}
	if err != nil {
		return nil, fmt.Errorf("look the idempotency key up: %w", err)
	}
	if !s.ring.CheckMAC(registerInput, row.InputMAC, c.input()...) {
		return nil, fault.KeyReused()
	}
	first, err := s.db.Ent.AuthSession.Get(ctx, row.ResultID)
	if db.IsNotFound(err) { // the account was erased: the key says nothing any more
		return nil, s.forgetKey(ctx, row.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read the first try's session: %w", err)
	}
	of, err := s.db.Ent.Account.Get(ctx, first.AccountID)
	if err != nil {
		return nil, fmt.Errorf("read the first try's account: %w", err)
	}
	if ok, err := s.passwords.check(ctx, of.PasswordHash, c.password); err != nil {
		return nil, err
	} else if !ok {
		return nil, refuse(CodeWrongCredentials, wrongCredentials, "input", "password")
	}
	var session *ent.AuthSession
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		session, err = s.replaceSession(ctx, tx, row.ID, of, c.cookie)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.known.forgetAccount(of.ID)
	return s.signedIn(session, of.Role)
}

// replaceSession ends the session that the key's row names and opens another. The row is locked, so that
// of many repeats at once one session is left.
func (s *Service) replaceSession(
	ctx context.Context, tx *ent.Tx, key uuid.UUID, of *ent.Account, cookie bool,
) (*ent.AuthSession, error) {
	row, err := tx.IdempotencyKey.Query().Where(idempotencykey.ID(key)).ForUpdate().Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the idempotency key: %w", err)
	}
	if _, err := s.endSession(ctx, tx, row.ResultID, of.ID); err != nil {
		return nil, err
	}
	session, err := s.admit(ctx, tx, of, cookie)
	if err != nil {
		return nil, err
	}
	if err := tx.IdempotencyKey.UpdateOne(row).SetResultID(session.ID).Exec(ctx); err != nil {
		return nil, fmt.Errorf("remember the new session: %w", err)
	}
	return session, nil
}

func (s *Service) forgetKey(ctx context.Context, id uuid.UUID) error {
	if err := s.db.Ent.IdempotencyKey.DeleteOneID(id).Exec(ctx); err != nil && !db.IsNotFound(err) {
		return fmt.Errorf("forget the key of an account that is gone: %w", err)
	}
	return nil
}
