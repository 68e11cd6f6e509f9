package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	// AccessLifetime is how long an access token is good for.
	AccessLifetime = 15 * time.Minute

	audience   = "convene"
	accessType = "at+jwt" // RFC 9068
	// clockSkew is by how much the clock of the node that signed may be ahead.
	clockSkew = 30 * time.Second
	// maxAccess is far more than an access token has: longer ones are not even parsed.
	maxAccess = 2048
)

// What a token can be refused for.
var (
	// ErrInvalid is the refusal of a token that was not made here, or not for this.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired is the refusal of a token that was good once.
	ErrExpired = errors.New("the token has expired")
)

// Claims is what an access token says.
type Claims struct {
	Account  uuid.UUID
	Session  uuid.UUID
	IssuedAt time.Time
	// ExpiresAt is when the token ends.
	ExpiresAt time.Time
}

// Access signs and checks access tokens. It is safe for concurrent use.
type Access struct {
	ring   *Ring
	issuer string
	clock  func() time.Time
	parser *jwt.Parser
	seen   verified
}

// NewAccess makes access tokens of an issuer; a nil clock is the system's.
func NewAccess(r *Ring, issuer string, clock func() time.Time) *Access {
	if clock == nil {
		clock = time.Now
	}
	return &Access{
		ring: r, issuer: issuer, clock: clock,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithTimeFunc(clock),
			jwt.WithStrictDecoding(),
		),
	}
}

type accessClaims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
}

// Sign makes the access token of a session. It ends after 15 minutes or with the session, whichever is
// first; the moment is returned.
func (a *Access) Sign(account, session uuid.UUID, sessionEnds time.Time) (string, time.Time, error) {
	now := a.clock().UTC().Truncate(time.Second)
	ends := now.Add(AccessLifetime)
	if sessionEnds.Before(ends) {
		ends = sessionEnds.UTC().Truncate(time.Second)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: a.issuer, Subject: account.String(), Audience: jwt.ClaimStrings{audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(ends),
		},
		Session: session.String(),
	})
	k := a.ring.keys[0]
	t.Header["typ"] = accessType
	t.Header["kid"] = k.kid
	signed, err := t.SignedString(k.sign)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign an access token: %w", err)
	}
	return signed, ends, nil
}

// Verify checks an access token and says what it claims; the error is [ErrInvalid] or [ErrExpired], with
// the reason for the log. Whether the session still stands is not its business.
func (a *Access) Verify(token string) (Claims, error) {
	if len(token) > maxAccess {
		return Claims{}, fmt.Errorf("%w: it is too long", ErrInvalid)
	}
	if c, ok := a.seen.get(token); ok {
		if !a.clock().Before(c.ExpiresAt) {
			return Claims{}, ErrExpired
		}
		return c, nil
	}
	c, err := a.verify(token)
	if err != nil {
		return Claims{}, err
	}
	a.seen.put(token, c)
	return c, nil
}

func (a *Access) verify(token string) (Claims, error) {
	var said accessClaims
	if _, err := a.parser.ParseWithClaims(token, &said, a.keyOf); err != nil {
		// A signature that does not hold is reported before any claim is looked at, so "expired" is never
		// said of a token that somebody made up.
		if errors.Is(err, jwt.ErrTokenExpired) {
			return Claims{}, ErrExpired
		}
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if said.IssuedAt == nil || said.IssuedAt.After(a.clock().Add(clockSkew)) {
		return Claims{}, fmt.Errorf("%w: it was issued in the future", ErrInvalid)
	}
	account, err := uuid.Parse(said.Subject)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: its subject is no account", ErrInvalid)
	}
	session, err := uuid.Parse(said.Session)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: it names no session", ErrInvalid)
	}
	return Claims{
		Account: account, Session: session,
		IssuedAt: said.IssuedAt.UTC(), ExpiresAt: said.ExpiresAt.UTC(),
	}, nil
}

// keyOf finds the public key that the header names. The algorithm has been checked by then, and the key's
// type leaves no other.
func (a *Access) keyOf(t *jwt.Token) (any, error) {
	if t.Header["typ"] != accessType {
		return nil, errors.New("it is not an access token")
	}
	if _, ok := t.Header["crit"]; ok { // RFC 7515: what must be understood and is not, is refused
		return nil, errors.New("it asks for an extension")
	}
	kid, _ := t.Header["kid"].(string)
	k := a.ring.byKID(kid)
	if k == nil {
		return nil, errors.New("its key is not known")
	}
	return k.public, nil
}
