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
		secrets = append(secrets, secret)
	}
	return secrets, nil
}
