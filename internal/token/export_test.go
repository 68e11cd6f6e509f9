package token

import "crypto/ed25519"

// SigningKey is the newest private key: tests sign with it what no code of ours would.
func (r *Ring) SigningKey() ed25519.PrivateKey { return r.keys[0].sign }
