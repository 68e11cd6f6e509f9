package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// JWKS is the public keys as a JSON Web Key Set (RFC 7517), newest first.
func (r *Ring) JWKS() []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: make([]jwk, len(r.keys))}
	for i, k := range r.keys {
		set.Keys[i] = jwk{
			KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(k.public),
			KeyID: k.kid, Use: "sig", Algorithm: "EdDSA",
		}
	}
	body, err := json.Marshal(set)
	if err != nil { // strings only
		panic(fmt.Errorf("write the key set: %w", err))
	}
	return body
}
