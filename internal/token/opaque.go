package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
)

const (
	opaqueVersion = 1
	headLength    = 1 + hintLength + 16 // version, key hint, session

	refreshInfo = "convene/refresh-token"
	cookieInfo  = "convene/session-cookie"
	linkInfo    = "convene/one-time-link"
)

// Refresh is what a refresh token says.
type Refresh struct {
	Session uuid.UUID
	// Generation counts the session's refreshes; only the current one is good.
	Generation uint32
}

// SignRefresh makes the refresh token of a session's generation: always the same one while the newest
// secret is.
func (r *Ring) SignRefresh(of Refresh) string {
	return r.seal(refreshInfo, of.Session, binary.BigEndian.AppendUint32(nil, of.Generation))
}

// ParseRefresh checks a refresh token and says what it claims; the error is [ErrInvalid].
func (r *Ring) ParseRefresh(token string) (Refresh, error) {
	session, rest, err := r.open(refreshInfo, token, 4)
	if err != nil {
		return Refresh{}, err
	}
	return Refresh{Session: session, Generation: binary.BigEndian.Uint32(rest)}, nil
}

// SignCookie makes the value of a session's cookie.
func (r *Ring) SignCookie(session uuid.UUID) string { return r.seal(cookieInfo, session, nil) }

// ParseCookie checks the value of a session's cookie and says which session it is; the error is
// [ErrInvalid].
func (r *Ring) ParseCookie(value string) (uuid.UUID, error) {
	session, _, err := r.open(cookieInfo, value, 0)
	return session, err
}

// SignLink makes what the link of a one-time token carries: always the same while the newest secret is, so that it
// can be made when a mail is written and need not be kept anywhere.
func (r *Ring) SignLink(id uuid.UUID) string { return r.seal(linkInfo, id, nil) }

// ParseLink checks what a link carries and says which one-time token it is; the error is [ErrInvalid]. Whether the
// token is still good is not its business.
func (r *Ring) ParseLink(text string) (uuid.UUID, error) {
	id, _, err := r.open(linkInfo, text, 0)
	return id, err
}

func (r *Ring) seal(info string, session uuid.UUID, rest []byte) string {
	k := r.keys[0]
	b := make([]byte, 0, headLength+len(rest)+sha256.Size)
	b = append(b, opaqueVersion)
	b = append(b, k.id[:hintLength]...)
	b = append(b, session[:]...)
	b = append(b, rest...)
	return base64.RawURLEncoding.EncodeToString(append(b, k.mac(info, b)...))
}

func (r *Ring) open(info, text string, restLength int) (session uuid.UUID, rest []byte, err error) {
	length := headLength + restLength + sha256.Size
	// The decoder skips line breaks: text of the right length with one in it decodes to too few bytes.
	if len(text) != base64.RawURLEncoding.EncodedLen(length) {
		return uuid.Nil, nil, fmt.Errorf("%w: it has a wrong length", ErrInvalid)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != length || b[0] != opaqueVersion {
		return uuid.Nil, nil, fmt.Errorf("%w: it has a wrong form", ErrInvalid)
	}
	k := r.byHint(b[1 : 1+hintLength])
	if k == nil {
		return uuid.Nil, nil, fmt.Errorf("%w: its key is not known", ErrInvalid)
	}
	body, mac := b[:length-sha256.Size], b[length-sha256.Size:]
	if !hmac.Equal(k.mac(info, body), mac) {
		return uuid.Nil, nil, fmt.Errorf("%w: it was tampered with", ErrInvalid)
	}
	return uuid.UUID(body[1+hintLength : headLength]), body[headLength:], nil
}
