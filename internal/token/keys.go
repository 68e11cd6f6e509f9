package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// NewKey is a fresh secret as CONVENE_KEYS takes it.
func NewKey() string {
	secret := make([]byte, minSecret)
	_, _ = rand.Read(secret) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(secret)
}

// ParseKeys reads CONVENE_KEYS: secrets of at least 32 bytes in base64 or base64url, with or without
// padding, separated by commas, newest first. An error says which key is wrong and never repeats it: it
// ends up in logs.
func ParseKeys(s string) ([][]byte, error) {
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("CONVENE_KEYS is empty: it needs at least one key of 32 random bytes in base64")
	}
	// Both alphabets and an optional padding come down to one.
	normal := strings.NewReplacer("+", "-", "/", "_")
	var secrets [][]byte
	for i, text := range strings.Split(s, ",") {
		text = strings.TrimRight(normal.Replace(strings.TrimSpace(text)), "=")
		secret, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil { // its text says where, which is more than a log should know
			return nil, fmt.Errorf("key %d of CONVENE_KEYS is not base64", i+1)
		}
		if len(secret) < minSecret {
			return nil, fmt.Errorf("key %d of CONVENE_KEYS has %d bytes, it needs %d", i+1, len(secret), minSecret)
		}
		if isWeak(secret) {
			return nil, fmt.Errorf("key %d of CONVENE_KEYS is not random: `convene keys` prints one that is", i+1)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// isWeak tells whether a secret is a placeholder such as AAAA…: half of 32 random bytes being equal to
// others of them does not happen.
func isWeak(secret []byte) bool {
	seen := map[byte]bool{}
	for _, b := range secret {
		seen[b] = true
	}
	return len(seen) < minSecret/2
}
