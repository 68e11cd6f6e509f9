package token

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

const minSecret = 32

// A Ring is the secrets in use, newest first. It is safe for concurrent use.
type Ring struct {
	keys []*key
}

// key is one secret with what is derived from it.
type key struct {
	secret []byte
	sign   ed25519.PrivateKey
	public ed25519.PublicKey
	// id is the public key's thumbprint; it begins with the hint that opaque tokens carry.
	id   [sha256.Size]byte
	kid  string
	subs sync.Map // info → derived key; infos are constants of the code, so there are few
}

const hintLength = 4

// NewRing makes a ring of secrets of at least 32 bytes each, newest first.
func NewRing(secrets ...[]byte) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("make a key ring: there is no secret")
	}
	r := &Ring{}
	for i, secret := range secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("make a key ring: secret %d has %d bytes, it needs %d", i+1, len(secret), minSecret)
		}
		k, err := newKey(secret)
		if err != nil {
			return nil, fmt.Errorf("make a key ring: derive from secret %d: %w", i+1, err)
		}
		if r.byHint(k.id[:hintLength]) != nil {
			return nil, fmt.Errorf("make a key ring: secret %d is there twice", i+1)
		}
		r.keys = append(r.keys, k)
	}
	return r, nil
}

func newKey(secret []byte) (*key, error) {
	k := &key{secret: append([]byte(nil), secret...)}
	seed, err := hkdf.Key(sha256.New, k.secret, nil, "convene/access-token/ed25519", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	k.sign = ed25519.NewKeyFromSeed(seed)
	k.public = k.sign.Public().(ed25519.PublicKey)
	// RFC 7638: the hash of the public key's required members in alphabetical order.
	k.id = sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(k.public) + `"}`))
	k.kid = base64.RawURLEncoding.EncodeToString(k.id[:])
	return k, nil
}

// MAC is a keyed hash of the parts for a purpose, 32 bytes, by the newest secret. The purpose is a
// constant of the code. Parts are told apart: ("ab", "c") and ("a", "bc") give different hashes.
func (r *Ring) MAC(purpose string, parts ...[]byte) []byte {
	return r.keys[0].mac("convene/mac/"+purpose, parts...)
}

// MACs is the keyed hash by each secret, newest first: to look up what was stored before a rotation.
func (r *Ring) MACs(purpose string, parts ...[]byte) [][]byte {
	all := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		all[i] = k.mac("convene/mac/"+purpose, parts...)
	}
	return all
}

// CheckMAC tells whether mac is the parts' keyed hash by any of the secrets, in constant time.
func (r *Ring) CheckMAC(purpose string, mac []byte, parts ...[]byte) bool {
	good := 0
	for _, k := range r.keys {
		good |= subtle.ConstantTimeCompare(k.mac("convene/mac/"+purpose, parts...), mac)
	}
	return good == 1
}

// Keys are keys of 32 bytes for a purpose, one of each secret, newest first: for who seals what it alone opens.
func (r *Ring) Keys(purpose string) [][]byte {
	all := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		all[i] = bytes.Clone(k.sub("convene/key/" + purpose))
	}
	return all
}

func (k *key) mac(info string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.sub(info))
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

func (k *key) sub(info string) []byte {
	if sub, ok := k.subs.Load(info); ok {
		return sub.([]byte)
	}
	sub, err := hkdf.Key(sha256.New, k.secret, nil, info, sha256.Size)
	if err != nil { // only for lengths beyond 255 hashes, or secrets that NewRing refuses
		panic(fmt.Errorf("derive a key: %w", err))
	}
	k.subs.Store(info, sub)
	return sub
}

// byHint is the key that a token says it was made with; nil if the ring does not have it.
func (r *Ring) byHint(hint []byte) *key {
	for _, k := range r.keys {
		if string(k.id[:hintLength]) == string(hint) {
			return k
		}
	}
	return nil
}

func (r *Ring) byKID(kid string) *key {
	for _, k := range r.keys {
		if k.kid == kid {
			return k
		}
	}
	return nil
}
