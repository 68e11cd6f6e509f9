package account

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

// SignedIn is what registering and signing in give.
type SignedIn struct {
	// Viewer is who is signed in now.
	Viewer viewer.Viewer
	// Tokens is what the client keeps; in cookie mode only when the session ends.
	Tokens *SessionTokens
	// Cookie is the session cookie's value; empty unless the session lives in a cookie.
	Cookie string
	// CookieEnds is when the browser may forget the cookie. The session may end before, and does not end
	// later however much it is used: so the cookie need not be set anew with each use.
	CookieEnds time.Time
}

// openSession writes a new session. The context is the system's: nobody is anybody before it.
func (s *Service) openSession(
	ctx context.Context, tx *ent.Tx, id, account uuid.UUID, cookie bool,
) (*ent.AuthSession, error) {
	now := s.now()
	session, err := tx.AuthSession.Create().SetID(id).SetCreatedAt(now).
		SetAccountID(account).SetIsCookie(cookie).SetDeviceLabel(deviceFrom(ctx)).SetIPPrefix(networkFrom(ctx)).
		SetRotatedAt(now).SetAuthenticatedAt(now).SetLastUsedAt(now).SetExpiresAt(now.Add(sessionIdle)).SetEndsAt(now.Add(sessionMax)).
		Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("write the session: %w", err)
	}
	return session, s.facts.Store(ctx, tx, fact.Fact{
		Kind: factSessionOpened, Subject: account, Actor: account, Refs: map[string]uuid.UUID{refSession: id},
	})
}

// endSession revokes a session and tells whether it had not been before; the moment of the first time stays.
// After the commit the session is to be forgotten.
func (s *Service) endSession(ctx context.Context, tx *ent.Tx, id, owner uuid.UUID) (bool, error) {
	n, err := tx.AuthSession.Update().
		Where(authsession.ID(id), authsession.RevokedAtIsNil()).SetRevokedAt(s.now()).Save(ctx)
	if err != nil {
		return false, fmt.Errorf("revoke the session: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, s.facts.Store(ctx, tx, fact.Fact{
		Kind: factSessionRevoked, Subject: owner, Refs: map[string]uuid.UUID{refSession: id},
	})
}

// logSession writes what was done to a session into the audit log.
func (s *Service) logSession(ctx context.Context, tx *ent.Tx, did audit.Action, session, of uuid.UUID) error {
	return audit.Write(ctx, tx, audit.Entry{
		Action: did, Target: audit.Target{Kind: ent.AuthSessionPrefix, ID: session}, Account: of,
		Diff: audit.Diff{"revoked": audit.FromTo(false, true)}, At: s.now(),
	})
}

// extended is when a session ends that is used now.
func extended(session *ent.AuthSession, now time.Time) time.Time {
	if until := now.Add(sessionIdle); until.Before(session.EndsAt) {
		return until
	}
	return session.EndsAt
}

func (s *Service) signedIn(session *ent.AuthSession, role viewer.Role) (*SignedIn, error) {
	in := &SignedIn{Viewer: viewer.OfPerson(session.AccountID, session.ID).WithRole(role)}
	if session.IsCookie {
		in.Tokens = &SessionTokens{ExpiresAt: session.ExpiresAt}
		in.Cookie, in.CookieEnds = s.ring.SignCookie(session.ID), session.EndsAt
		return in, nil
	}
	var err error
	in.Tokens, err = s.tokens(session)
	return in, err
}

// tokens are those of the session's current generation.
func (s *Service) tokens(session *ent.AuthSession) (*SessionTokens, error) {
	access, until, err := s.access.Sign(session.AccountID, session.ID, session.ExpiresAt)
	if err != nil {
		return nil, err
	}
	refresh := s.ring.SignRefresh(token.Refresh{Session: session.ID, Generation: uint32(session.Generation)})
	return &SessionTokens{AccessToken: &access, RefreshToken: &refresh, ExpiresAt: until}, nil
}
