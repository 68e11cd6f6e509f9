package invite

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/google/uuid"
)

// A code is 20 digits of base32, which are 100 bits: nobody guesses one, and one can read it to somebody. Letters that look
// like digits are not in it.
const (
	codeLength = 20
	hintLength = 4
)

const digits = "0123456789abcdefghjkmnpqrstvwxyz"

var base = base32.NewEncoding(digits).WithPadding(base32.NoPadding)

// ofInvite and ofCode are the purposes of the keyed hashes that codes are made of.
const (
	ofInvite = "invite/mail"
	ofCode   = "invite/code"
)

// newCode is a random code.
func newCode() string {
	var b [13]byte
	_, _ = rand.Read(b[:]) // never fails
	return spell(b[:])
}

// spell makes a code of at least 13 random bytes.
func spell(b []byte) string { return base.EncodeToString(b[:13])[:codeLength] }

// codeOf is the code of a row, of which the row has the hash: it is made of the row's id and this installation's keys, so that
// it can be made again without being stored. Empty if the key that it was made with is gone.
func (s *Service) codeOf(purpose string, id uuid.UUID, hash []byte) string {
	for _, mac := range s.ring.MACs(purpose, id[:]) {
		if code := spell(mac); string(hashOf(code)) == string(hash) {
			return code
		}
	}
	return ""
}

// hashOf is what is stored of a code. Codes are random, so it needs neither a key nor time.
func hashOf(code string) []byte {
	sum := sha256.Sum256([]byte("convene/invite/" + code))
	return sum[:]
}

// Show is a code as people read it.
func Show(code string) string {
	var parts []string
	for ; len(code) > hintLength; code = code[hintLength:] {
		parts = append(parts, code[:hintLength])
	}
	return strings.Join(append(parts, code), "-")
}

// ReadCode takes a code as people write it; ok is false if it can not be one.
func ReadCode(text string) (code string, ok bool) {
	if len(text) > 4*codeLength {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return -1
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		}
		switch r {
		case 'o':
			return '0'
		case 'i', 'l':
			return '1'
		}
		return r
	}, text)
	isOther := func(r rune) bool { return !strings.ContainsRune(digits, r) }
	return code, len(code) == codeLength && !strings.ContainsFunc(code, isOther)
}
